"""Subscriptions and licences.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.listing import MAX_PAGE_SIZE
from pandabase_django.api.params import (
    LicensesListFilters,
    SubscriptionCancelBody,
    SubscriptionChangeBody,
    SubscriptionsListFilters,
)
from pandabase_django.api.resources import Licenses, Subscriptions
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AsyncLicenses", "AsyncSubscriptions"]


class AsyncSubscriptions(AsyncNamespace[Subscriptions]):
    """Subscriptions (Source: P-50). For changes ``pandabase_django.actions`` is safer."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[SubscriptionsListFilters],
    ) -> Page[schemas.Subscription]:
        """One page of subscriptions; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[SubscriptionsListFilters],
    ) -> AsyncIterator[schemas.Subscription]:
        """Every subscription from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[SubscriptionsListFilters],
    ) -> AsyncIterator[Page[schemas.Subscription]]:
        """Every page of subscriptions from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(
        self, subscription_id: str, *, timeout: float | None = None
    ) -> schemas.Subscription:
        """One subscription by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, subscription_id, timeout=timeout)

    async def usage(
        self, subscription_id: str, *, timeout: float | None = None
    ) -> schemas.SubscriptionUsage:
        """What was used in the current period.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.usage, subscription_id, timeout=timeout)

    async def upcoming_invoice(
        self, subscription_id: str, *, timeout: float | None = None
    ) -> schemas.UpcomingInvoice:
        """What the next renewal charges (Source: P-58).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.upcoming_invoice, subscription_id, timeout=timeout)

    async def cancel(
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
        return await self._run(
            self._sync.cancel,
            subscription_id,
            body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    async def pause(
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
        return await self._run(
            self._sync.pause, subscription_id, idempotency_key=idempotency_key, timeout=timeout
        )

    async def resume(
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
        return await self._run(
            self._sync.resume, subscription_id, idempotency_key=idempotency_key, timeout=timeout
        )

    async def change(
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
        return await self._run(
            self._sync.change,
            subscription_id,
            body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    async def reactivate(
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
        return await self._run(
            self._sync.reactivate, subscription_id, idempotency_key=idempotency_key, timeout=timeout
        )


class AsyncLicenses(AsyncNamespace[Licenses]):
    """Licences, their keys out of sight (Source: P-51)."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LicensesListFilters],
    ) -> Page[schemas.License]:
        """One page of licenses; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LicensesListFilters],
    ) -> AsyncIterator[schemas.License]:
        """Every licence from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LicensesListFilters],
    ) -> AsyncIterator[Page[schemas.License]]:
        """Every page of licenses from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, license_id: str, *, timeout: float | None = None) -> schemas.License:
        """One licence by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, license_id, timeout=timeout)

    async def verify(
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
        return await self._run(
            self._sync.verify,
            reveal,
            product_id=product_id,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
