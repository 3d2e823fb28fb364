"""Bodies, filters and paths: cases and webhooks. Amounts are minor units.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = [
    "CaseMessageCreateAttachment",
    "CaseMessageCreateBody",
    "CaseMessagesListQuery",
    "CasePath",
    "CaseUpdateBody",
    "CasesListFilters",
    "CasesListQuery",
    "WebhookCreateBody",
    "WebhookPath",
    "WebhookUpdateBody",
    "WebhooksListQuery",
]


class WebhooksListQuery(TypedDict, total=False):
    """Query of ``webhooks_list``."""

    page: int
    limit: int


class _WebhookCreateBody(TypedDict):
    url: str
    eventTypes: Sequence[
        Literal[
            "PAYMENT_PENDING",
            "PAYMENT_PROCESSING",
            "PAYMENT_COMPLETED",
            "PAYMENT_REFUNDED",
            "PAYMENT_DISPUTED",
            "PAYMENT_DISPUTE_WON",
            "PAYMENT_DISPUTE_LOST",
            "PAYMENT_DISPUTE_PREVENTED",
            "PAYMENT_FAILED",
            "SUBSCRIPTION_CREATED",
            "SUBSCRIPTION_RENEWED",
            "SUBSCRIPTION_PAST_DUE",
            "SUBSCRIPTION_CANCELLED",
            "SUBSCRIPTION_PAUSED",
            "SUBSCRIPTION_RESUMED",
            "SUBSCRIPTION_UPDATED",
            "SUBSCRIPTION_TRIAL_ENDING",
            "SUBSCRIPTION_RENEWING",
        ]
        | str
    ]


class WebhookCreateBody(_WebhookCreateBody, total=False):
    """Body of ``webhook_create``."""

    note: str
    signatureVersion: Literal["V1", "V2"]


class WebhookPath(TypedDict):
    """What the path of ``webhook_get`` names."""

    webhook_id: str


class WebhookUpdateBody(TypedDict, total=False):
    """Body of ``webhook_update``."""

    url: str
    eventTypes: Sequence[
        Literal[
            "PAYMENT_PENDING",
            "PAYMENT_PROCESSING",
            "PAYMENT_COMPLETED",
            "PAYMENT_REFUNDED",
            "PAYMENT_DISPUTED",
            "PAYMENT_DISPUTE_WON",
            "PAYMENT_DISPUTE_LOST",
            "PAYMENT_DISPUTE_PREVENTED",
            "PAYMENT_FAILED",
            "SUBSCRIPTION_CREATED",
            "SUBSCRIPTION_RENEWED",
            "SUBSCRIPTION_PAST_DUE",
            "SUBSCRIPTION_CANCELLED",
            "SUBSCRIPTION_PAUSED",
            "SUBSCRIPTION_RESUMED",
            "SUBSCRIPTION_UPDATED",
            "SUBSCRIPTION_TRIAL_ENDING",
            "SUBSCRIPTION_RENEWING",
        ]
        | str
    ]
    note: str | None
    isEnabled: bool
    signatureVersion: Literal["V1", "V2"]


class CasesListQuery(TypedDict, total=False):
    """Query of ``cases_list``."""

    page: int
    limit: int
    status: Literal["OPEN", "AWAITING_CUSTOMER", "AWAITING_MERCHANT", "CLOSED"]
    priority: Literal["LOW", "NORMAL", "HIGH", "URGENT"]
    customerId: str
    orderId: str


class CasesListFilters(TypedDict, total=False):
    """Filters of the method for ``cases_list``."""

    status: Literal["OPEN", "AWAITING_CUSTOMER", "AWAITING_MERCHANT", "CLOSED"]
    priority: Literal["LOW", "NORMAL", "HIGH", "URGENT"]
    customer_id: str
    order_id: str


class CasePath(TypedDict):
    """What the path of ``case_get`` names."""

    case_id: str


class CaseUpdateBody(TypedDict, total=False):
    """Body of ``case_update``."""

    priority: Literal["LOW", "NORMAL", "HIGH", "URGENT"]
    status: Literal["AWAITING_CUSTOMER", "CLOSED", "OPEN"]


class CaseMessagesListQuery(TypedDict, total=False):
    """Query of ``case_messages_list``."""

    page: int
    limit: int


class CaseMessageCreateAttachment(TypedDict):
    """A part of a body."""

    attachmentId: str
    filename: str
    mimeType: str
    sizeBytes: int


class _CaseMessageCreateBody(TypedDict):
    body: str


class CaseMessageCreateBody(_CaseMessageCreateBody, total=False):
    """Body of ``case_message_create``."""

    attachments: Sequence[CaseMessageCreateAttachment]
