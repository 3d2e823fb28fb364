"""A customer as the list of customers shows it; how an order names one is beside orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pandabase_django.api.schemas.base import Parsed
from pandabase_django.api.schemas.declared import boolean, identifier, integer, text, time

__all__ = ["CustomerRecord"]


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
