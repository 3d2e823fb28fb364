"""Orders, payments, customers, refunds and disputes.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.listing import MAX_PAGE_SIZE, Caller, Listing, Lists
from pandabase_django.api.params import (
    CustomersListFilters,
    DisputeEvidenceSubmitBody,
    DisputesListFilters,
    OrderRefundBody,
    OrdersListFilters,
    PaymentsListFilters,
    RefundsListFilters,
)
from pandabase_django.api.resources.base import Namespace
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Customers", "Disputes", "Orders", "Payments", "Refunds"]


class Orders(Namespace):
    """Orders: the list gives summaries, ``get`` the detail form (Source: P-21).

    Attributes:
        rows: The same list, each order read on demand; for whoever compares a great many.
    """

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Listing[schemas.OrderSummary] = Listing(
            client, "orders_list", schemas.OrderSummary.from_json
        )
        self.rows: Listing[schemas.OrderRow] = Listing(
            client, "orders_list", schemas.OrderRow.from_json, raw=True
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[OrdersListFilters],
    ) -> Page[schemas.OrderSummary]:
        """One page of orders; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[OrdersListFilters],
    ) -> Iterator[schemas.OrderSummary]:
        """Every order from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[OrdersListFilters],
    ) -> Iterator[Page[schemas.OrderSummary]]:
        """Every page of orders from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, order_id: str, *, timeout: float | None = None) -> schemas.Order:
        """One order with its line items.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("order_get", params={"order_id": order_id}, timeout=timeout)
        return self._one(schemas.Order.from_json, reply)

    def refunds(self, order_id: str, *, timeout: float | None = None) -> tuple[schemas.Refund, ...]:
        """The refunds of one order: a list without pages (Source: P-46).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("order_refunds_list", params={"order_id": order_id}, timeout=timeout)
        return self._many(schemas.Refund.from_json, reply)

    def refund(
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
        reply = self._ask(
            "order_refund",
            params={"order_id": order_id},
            body=body or {},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Refund.from_json, reply)

    def retry_fulfillment(
        self, order_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> schemas.Fulfilment:
        """Have the webhooks that deliver licences sent again.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "order_retry_fulfillment",
            params={"order_id": order_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Fulfilment.from_json, reply)


class Payments(Namespace):
    """Payments of orders."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Listing[schemas.Payment] = Listing(
            client, "payments_list", schemas.Payment.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[PaymentsListFilters],
    ) -> Page[schemas.Payment]:
        """One page of payments; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[PaymentsListFilters],
    ) -> Iterator[schemas.Payment]:
        """Every payment from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[PaymentsListFilters],
    ) -> Iterator[Page[schemas.Payment]]:
        """Every page of payments from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, payment_id: str, *, timeout: float | None = None) -> schemas.Payment:
        """One payment by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("payment_get", params={"payment_id": payment_id}, timeout=timeout)
        return self._one(schemas.Payment.from_json, reply)


class Customers(Namespace):
    """Customers."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.CustomerRecord] = Lists(
            client, "customers_list", "customer_get", schemas.CustomerRecord.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CustomersListFilters],
    ) -> Page[schemas.CustomerRecord]:
        """One page of customers; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CustomersListFilters],
    ) -> Iterator[schemas.CustomerRecord]:
        """Every customer from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CustomersListFilters],
    ) -> Iterator[Page[schemas.CustomerRecord]]:
        """Every page of customers from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, customer_id: str, *, timeout: float | None = None) -> schemas.CustomerRecord:
        """One customer by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(customer_id, timeout=timeout)


class Refunds(Namespace):
    """Refunds of all orders."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Refund] = Lists(
            client, "refunds_list", "refund_get", schemas.Refund.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[RefundsListFilters],
    ) -> Page[schemas.Refund]:
        """One page of refunds; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[RefundsListFilters],
    ) -> Iterator[schemas.Refund]:
        """Every refund from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[RefundsListFilters],
    ) -> Iterator[Page[schemas.Refund]]:
        """Every page of refunds from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, refund_id: str, *, timeout: float | None = None) -> schemas.Refund:
        """One refund by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(refund_id, timeout=timeout)


class Disputes(Namespace):
    """Disputes."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Dispute] = Lists(
            client, "disputes_list", "dispute_get", schemas.Dispute.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[DisputesListFilters],
    ) -> Page[schemas.Dispute]:
        """One page of disputes; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[DisputesListFilters],
    ) -> Iterator[schemas.Dispute]:
        """Every dispute from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[DisputesListFilters],
    ) -> Iterator[Page[schemas.Dispute]]:
        """Every page of disputes from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, dispute_id: str, *, timeout: float | None = None) -> schemas.Dispute:
        """One dispute by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(dispute_id, timeout=timeout)

    def submit_evidence(
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
        reply = self._ask(
            "dispute_evidence_submit",
            params={"dispute_id": dispute_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Dispute.from_json, reply)
