"""Usage events and the meters that count them.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.listing import MAX_PAGE_SIZE, Caller, Listing
from pandabase_django.api.params import (
    ProductMeterCreateBody,
    ProductMeterUpdateBody,
    UsageListFilters,
    UsageRecordEvent,
)
from pandabase_django.api.resources.base import Namespace
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Meters", "Usage"]


class Usage(Namespace):
    """Usage events: a call reports up to a hundred of one subscription (Source: P-52)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Listing[schemas.UsageEvent] = Listing(
            client, "usage_list", schemas.UsageEvent.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[UsageListFilters],
    ) -> Page[schemas.UsageEvent]:
        """One page of usage; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[UsageListFilters],
    ) -> Iterator[schemas.UsageEvent]:
        """Every usage event from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[UsageListFilters],
    ) -> Iterator[Page[schemas.UsageEvent]]:
        """Every page of usage from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def record(
        self,
        subscription_id: str,
        events: Sequence[UsageRecordEvent],
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.UsageAnswer:
        """Report ``events`` of the subscription. ``record_usage`` is the safer way.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "usage_record",
            body={"subscription_id": subscription_id, "events": [dict(one) for one in events]},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(lambda data: schemas.UsageAnswer.from_json(data, sent=len(events)), reply)


class Meters(Namespace):
    """Meters of a product."""

    def list(self, product_id: str, *, timeout: float | None = None) -> tuple[schemas.Meter, ...]:
        """The meters of a product: a list without pages.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("product_meters_list", params={"product_id": product_id}, timeout=timeout)
        return self._many(schemas.Meter.from_json, reply)

    def get(self, product_id: str, meter_id: str, *, timeout: float | None = None) -> schemas.Meter:
        """One meter by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "product_meter_get",
            params={"product_id": product_id, "meter_id": meter_id},
            timeout=timeout,
        )
        return self._one(schemas.Meter.from_json, reply)

    def create(
        self,
        product_id: str,
        body: ProductMeterCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Meter:
        """Make a meter.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "product_meter_create",
            params={"product_id": product_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Meter.from_json, reply)

    def update(
        self,
        product_id: str,
        meter_id: str,
        body: ProductMeterUpdateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Meter:
        """Change some fields of a meter.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "product_meter_update",
            params={"product_id": product_id, "meter_id": meter_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Meter.from_json, reply)

    def delete(
        self,
        product_id: str,
        meter_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Delete a meter.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._ask(
            "product_meter_delete",
            params={"product_id": product_id, "meter_id": meter_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
