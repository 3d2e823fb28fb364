"""Usage events and the meters that count them.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.listing import MAX_PAGE_SIZE
from pandabase_django.api.params import (
    ProductMeterCreateBody,
    ProductMeterUpdateBody,
    UsageListFilters,
    UsageRecordEvent,
)
from pandabase_django.api.resources import Meters, Usage
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AsyncMeters", "AsyncUsage"]


class AsyncUsage(AsyncNamespace[Usage]):
    """Usage events: a call reports up to a hundred of one subscription (Source: P-52)."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[UsageListFilters],
    ) -> Page[schemas.UsageEvent]:
        """One page of usage; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[UsageListFilters],
    ) -> AsyncIterator[schemas.UsageEvent]:
        """Every usage event from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[UsageListFilters],
    ) -> AsyncIterator[Page[schemas.UsageEvent]]:
        """Every page of usage from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def record(
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
        return await self._run(
            self._sync.record,
            subscription_id,
            events,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )


class AsyncMeters(AsyncNamespace[Meters]):
    """Meters of a product."""

    async def list(
        self, product_id: str, *, timeout: float | None = None
    ) -> tuple[schemas.Meter, ...]:
        """The meters of a product: a list without pages.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.list, product_id, timeout=timeout)

    async def get(
        self, product_id: str, meter_id: str, *, timeout: float | None = None
    ) -> schemas.Meter:
        """One meter by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, product_id, meter_id, timeout=timeout)

    async def create(
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
        return await self._run(
            self._sync.create, product_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def update(
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
        return await self._run(
            self._sync.update,
            product_id,
            meter_id,
            body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    async def delete(
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
        await self._run(
            self._sync.delete,
            product_id,
            meter_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
