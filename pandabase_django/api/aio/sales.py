"""Orders, payments, customers, refunds and disputes.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.listing import MAX_PAGE_SIZE
from pandabase_django.api.params import (
    CustomersListFilters,
    DisputeEvidenceSubmitBody,
    DisputesListFilters,
    OrderRefundBody,
    OrdersListFilters,
    PaymentsListFilters,
    RefundsListFilters,
)
from pandabase_django.api.resources import Customers, Disputes, Orders, Payments, Refunds
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AsyncCustomers", "AsyncDisputes", "AsyncOrders", "AsyncPayments", "AsyncRefunds"]


class AsyncOrders(AsyncNamespace[Orders]):
    """Orders: the list gives summaries, ``get`` the detail form (Source: P-21)."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[OrdersListFilters],
    ) -> Page[schemas.OrderSummary]:
        """One page of orders; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[OrdersListFilters],
    ) -> AsyncIterator[schemas.OrderSummary]:
        """Every order from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[OrdersListFilters],
    ) -> AsyncIterator[Page[schemas.OrderSummary]]:
        """Every page of orders from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, order_id: str, *, timeout: float | None = None) -> schemas.Order:
        """One order with its line items.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, order_id, timeout=timeout)

    async def refunds(
        self, order_id: str, *, timeout: float | None = None
    ) -> tuple[schemas.Refund, ...]:
        """The refunds of one order: a list without pages (Source: P-46).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.refunds, order_id, timeout=timeout)

    async def refund(
        self,
        order_id: str,
        body: OrderRefundBody | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Refund:
        """Refund an order, whole (Source: P-46); ``actions.refund`` is safer.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.refund, order_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def retry_fulfillment(
        self, order_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> schemas.Fulfilment:
        """Have the webhooks that deliver licences sent again.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.retry_fulfillment, order_id, idempotency_key=idempotency_key, timeout=timeout
        )


class AsyncPayments(AsyncNamespace[Payments]):
    """Payments of orders."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[PaymentsListFilters],
    ) -> Page[schemas.Payment]:
        """One page of payments; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[PaymentsListFilters],
    ) -> AsyncIterator[schemas.Payment]:
        """Every payment from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[PaymentsListFilters],
    ) -> AsyncIterator[Page[schemas.Payment]]:
        """Every page of payments from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, payment_id: str, *, timeout: float | None = None) -> schemas.Payment:
        """One payment by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, payment_id, timeout=timeout)


class AsyncCustomers(AsyncNamespace[Customers]):
    """Customers."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CustomersListFilters],
    ) -> Page[schemas.CustomerRecord]:
        """One page of customers; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CustomersListFilters],
    ) -> AsyncIterator[schemas.CustomerRecord]:
        """Every customer from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CustomersListFilters],
    ) -> AsyncIterator[Page[schemas.CustomerRecord]]:
        """Every page of customers from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(
        self, customer_id: str, *, timeout: float | None = None
    ) -> schemas.CustomerRecord:
        """One customer by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, customer_id, timeout=timeout)


class AsyncRefunds(AsyncNamespace[Refunds]):
    """Refunds of all orders."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[RefundsListFilters],
    ) -> Page[schemas.Refund]:
        """One page of refunds; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[RefundsListFilters],
    ) -> AsyncIterator[schemas.Refund]:
        """Every refund from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[RefundsListFilters],
    ) -> AsyncIterator[Page[schemas.Refund]]:
        """Every page of refunds from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, refund_id: str, *, timeout: float | None = None) -> schemas.Refund:
        """One refund by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, refund_id, timeout=timeout)


class AsyncDisputes(AsyncNamespace[Disputes]):
    """Disputes."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[DisputesListFilters],
    ) -> Page[schemas.Dispute]:
        """One page of disputes; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[DisputesListFilters],
    ) -> AsyncIterator[schemas.Dispute]:
        """Every dispute from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[DisputesListFilters],
    ) -> AsyncIterator[Page[schemas.Dispute]]:
        """Every page of disputes from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, dispute_id: str, *, timeout: float | None = None) -> schemas.Dispute:
        """One dispute by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, dispute_id, timeout=timeout)

    async def submit_evidence(
        self,
        dispute_id: str,
        body: DisputeEvidenceSubmitBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Dispute:
        """Answer a dispute, once (Source: P-47). ``actions.submit_evidence`` is the safer way.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.submit_evidence,
            dispute_id,
            body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
