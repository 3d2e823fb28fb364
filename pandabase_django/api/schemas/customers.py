"""Customers as their list shows them (how an order names one is beside orders), and their cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pandabase_django.api.schemas.base import Parsed
from pandabase_django.api.schemas.declared import (
    boolean,
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)

__all__ = ["Case", "CaseMessage", "CustomerRecord", "Fulfilment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRecord(Parsed):
    """A customer, the same in the list and alone (Source: P-53).

    Attributes:
        is_guest: Bought without an account.
        total_spent_minor: In minor units; which currency is not said.
        order_count: How many orders the remote counts.
    """

    kind: ClassVar[str] = "customer"
    id: str = identifier("customer")
    email: str | None = text("email")
    first_name: str | None = text("firstName")
    last_name: str | None = text("lastName")
    is_guest: bool | None = boolean("guest")
    total_spent_minor: int | None = integer("totalSpent")
    order_count: int | None = integer("orderCount")
    created_at: datetime | None = time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Parsed):
    """What a customer asks the shop (Source: P-55).

    Attributes:
        last_message_by: CUSTOMER or MERCHANT.
        unread_count: Messages that the shop did not mark as read.
    """

    kind: ClassVar[str] = "case"
    id: str = identifier("case")
    subject: str | None = text("subject")
    status: str | None = text("status")
    priority: str | None = text("priority")
    order_id: str | None = reference("orderId")
    customer_id: str | None = reference("customerId")
    last_message_at: datetime | None = time("lastMessageAt")
    last_message_by: str | None = text("lastMessageBy")
    unread_count: int | None = integer("unreadCount")
    is_escalated: bool | None = boolean("escalated")
    closed_at: datetime | None = time("closedAt")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMessage(Parsed):
    """One message of a case, its text whole; attachments are in ``payload``."""

    kind: ClassVar[str] = "case message"
    id: str = identifier("case message")
    sender_type: str | None = text("senderType")
    sender_id: str | None = reference("senderId")
    body: str | None = shown("body", read="whole_text")
    created_at: datetime | None = time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment(Parsed):
    """What asking for an order's fulfilment once more came to.

    Attributes:
        queued: How many deliveries of licences are sent again.
    """

    kind: ClassVar[str] = "fulfilment"
    queued: int | None = integer("queued")
    message: str | None = text("message")
