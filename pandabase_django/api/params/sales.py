"""Bodies, filters and paths: orders and what follows them. Amounts are minor units.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "CustomerPath",
    "CustomersListFilters",
    "CustomersListQuery",
    "DisputeEvidenceSubmitBody",
    "DisputePath",
    "DisputesListFilters",
    "DisputesListQuery",
    "OrderPath",
    "OrderRefundBody",
    "OrdersListFilters",
    "OrdersListQuery",
    "PaymentPath",
    "PaymentsListFilters",
    "PaymentsListQuery",
    "RefundPath",
    "RefundsListFilters",
    "RefundsListQuery",
]


class OrdersListQuery(TypedDict, total=False):
    """Query of ``orders_list``."""

    page: int
    limit: int
    status: Literal[
        "PENDING", "PROCESSING", "COMPLETED", "CANCELLED", "FAILED", "REFUNDED", "CHARGEBACK"
    ]
    search: str
    sort: Literal["asc", "desc"]


class OrdersListFilters(TypedDict, total=False):
    """Filters of the method for ``orders_list``."""

    status: Literal[
        "PENDING", "PROCESSING", "COMPLETED", "CANCELLED", "FAILED", "REFUNDED", "CHARGEBACK"
    ]
    search: str
    sort: Literal["asc", "desc"]


class OrderPath(TypedDict):
    """What the path of ``order_get`` names."""

    order_id: str


class PaymentsListQuery(TypedDict, total=False):
    """Query of ``payments_list``."""

    page: int
    limit: int
    status: Literal["PENDING", "PROCESSING", "COMPLETED", "REFUNDED", "DISPUTED", "FAILED"]
    search: str
    sort: Literal["asc", "desc"]


class PaymentsListFilters(TypedDict, total=False):
    """Filters of the method for ``payments_list``."""

    status: Literal["PENDING", "PROCESSING", "COMPLETED", "REFUNDED", "DISPUTED", "FAILED"]
    search: str
    sort: Literal["asc", "desc"]


class PaymentPath(TypedDict):
    """What the path of ``payment_get`` names."""

    payment_id: str


class CustomersListQuery(TypedDict, total=False):
    """Query of ``customers_list``."""

    page: int
    limit: int
    search: str
    sortBy: Literal["email", "totalSpent", "orderCount", "createdAt"]
    sortOrder: Literal["asc", "desc"]


class CustomersListFilters(TypedDict, total=False):
    """Filters of the method for ``customers_list``."""

    search: str
    sort_by: Literal["email", "totalSpent", "orderCount", "createdAt"]
    sort_order: Literal["asc", "desc"]


class CustomerPath(TypedDict):
    """What the path of ``customer_get`` names."""

    customer_id: str


class RefundsListQuery(TypedDict, total=False):
    """Query of ``refunds_list``."""

    page: int
    limit: int
    status: Literal["PROCESSING", "COMPLETED", "FAILED"]
    sort: Literal["asc", "desc"]


class RefundsListFilters(TypedDict, total=False):
    """Filters of the method for ``refunds_list``."""

    status: Literal["PROCESSING", "COMPLETED", "FAILED"]
    sort: Literal["asc", "desc"]


class RefundPath(TypedDict):
    """What the path of ``refund_get`` names."""

    refund_id: str


class OrderRefundBody(TypedDict, total=False):
    """Body of ``order_refund``."""

    reason: Literal["DUPLICATE", "FRAUDULENT", "REQUESTED_BY_CUSTOMER"]


class DisputesListQuery(TypedDict, total=False):
    """Query of ``disputes_list``."""

    page: int
    limit: int
    status: Literal["AWAITING_REVIEW", "UNDER_REVIEW", "WON", "LOST", "PREVENTED"]
    sort: Literal["asc", "desc"]
    needsEvidence: bool


class DisputesListFilters(TypedDict, total=False):
    """Filters of the method for ``disputes_list``."""

    status: Literal["AWAITING_REVIEW", "UNDER_REVIEW", "WON", "LOST", "PREVENTED"]
    sort: Literal["asc", "desc"]
    needs_evidence: bool


class DisputePath(TypedDict):
    """What the path of ``dispute_get`` names."""

    dispute_id: str


class DisputeEvidenceSubmitBody(TypedDict):
    """Body of ``dispute_evidence_submit``."""

    access_activity_log: str
