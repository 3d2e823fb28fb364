"""Subscriptions and licences.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.listing import MAX_PAGE_SIZE, Caller, Lists
from pandabase_django.api.params import (
    LicensesListFilters,
    SubscriptionCancelBody,
    SubscriptionChangeBody,
    SubscriptionsListFilters,
)
from pandabase_django.api.resources.base import LicenseLists, Namespace
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Licenses", "Subscriptions"]


class Subscriptions(Namespace):
    """Subscriptions (Source: P-50). For changes ``pandabase_django.actions`` is safer."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Subscription] = Lists(
            client, "subscriptions_list", "subscription_get", schemas.Subscription.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[SubscriptionsListFilters],
    ) -> Page[schemas.Subscription]:
        """One page of subscriptions; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[SubscriptionsListFilters],
    ) -> Iterator[schemas.Subscription]:
        """Every subscription from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[SubscriptionsListFilters],
    ) -> Iterator[Page[schemas.Subscription]]:
        """Every page of subscriptions from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, subscription_id: str, *, timeout: float | None = None) -> schemas.Subscription:
        """One subscription by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(subscription_id, timeout=timeout)

    def usage(
        self, subscription_id: str, *, timeout: float | None = None
    ) -> schemas.SubscriptionUsage:
        """What was used in the current period.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_usage", params={"subscription_id": subscription_id}, timeout=timeout
        )
        return self._one(schemas.SubscriptionUsage.from_json, reply)

    def upcoming_invoice(
        self, subscription_id: str, *, timeout: float | None = None
    ) -> schemas.UpcomingInvoice:
        """What the next renewal charges (Source: P-58).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_upcoming_invoice",
            params={"subscription_id": subscription_id},
            timeout=timeout,
        )
        return self._one(schemas.UpcomingInvoice.from_json, reply)

    def cancel(
        self,
        subscription_id: str,
        body: SubscriptionCancelBody | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Subscription:
        """Cancel at the end of the period, or at once.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_cancel",
            params={"subscription_id": subscription_id},
            body=body or {},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Subscription.from_json, reply)

    def pause(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Subscription:
        """Pause a subscription.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_pause",
            params={"subscription_id": subscription_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Subscription.from_json, reply)

    def resume(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Subscription:
        """Resume a paused one.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_resume",
            params={"subscription_id": subscription_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Subscription.from_json, reply)

    def change(
        self,
        subscription_id: str,
        body: SubscriptionChangeBody | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Subscription:
        """Change product, variant, interval or quantity.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_change",
            params={"subscription_id": subscription_id},
            body=body or {},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Subscription.from_json, reply)

    def reactivate(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Subscription:
        """Take back a cancellation at the end of the period.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "subscription_reactivate",
            params={"subscription_id": subscription_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Subscription.from_json, reply)


class Licenses(Namespace):
    """Licences, their keys out of sight (Source: P-51)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: LicenseLists = LicenseLists(client)

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LicensesListFilters],
    ) -> Page[schemas.License]:
        """One page of licenses; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LicensesListFilters],
    ) -> Iterator[schemas.License]:
        """Every licence from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LicensesListFilters],
    ) -> Iterator[Page[schemas.License]]:
        """Every page of licenses from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, license_id: str, *, timeout: float | None = None) -> schemas.License:
        """One licence by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(license_id, timeout=timeout)

    def verify(
        self,
        reveal: Callable[[], str],
        *,
        product_id: str = "",
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.LicenseVerification:
        """Whether the key of ``reveal`` is good; ``product_id``: "" for any.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "license_verify",
            body={"key": reveal(), **({"productId": product_id} if product_id else {})},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.LicenseVerification.from_json, reply)
