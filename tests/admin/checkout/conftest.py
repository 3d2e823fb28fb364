"""A shop whose checkouts are paid at the sandbox, and orders that paid something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.urls import reverse

from pandabase_django.events import _fact_handlers
from pandabase_django.models import ApiToken, Purchase
from pandabase_django.sandbox import Sandbox
from tests.purchases.conftest import Shop

__all__ = ["url"]


def url(row: Any, page: str = "change") -> str:
    return reverse(f"admin:pandabase_{row._meta.model_name}_{page}", args=[quote(str(row.pk))])


@pytest.fixture
def shop(token: ApiToken, sandbox: Sandbox) -> Shop:
    return Shop(sandbox, token.store, User.objects.create_user("ada", "ada@example.com"))


@pytest.fixture
def paid_less(shop: Shop) -> Purchase:
    """A purchase whose order paid less than its checkout asks."""
    session = shop.open(subtotal_minor=4900, context={"team": 5})
    shop.webhook(order_id := shop.pay(session, total=100, amount=100))
    return shop.purchase(order_id)


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    before = {fact: dict(handlers) for fact, handlers in _fact_handlers.items()}
    yield
    _fact_handlers.clear()
    _fact_handlers.update(before)
