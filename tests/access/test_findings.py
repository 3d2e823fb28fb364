"""A store that sells what it can't read is named."""

from __future__ import annotations

import pytest

from pandabase_django.models import ApiToken, Product, SyncRun, TokenPermission
from pandabase_django.services.health.findings import Finding, Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.sync.runs import sync_resource

pytestmark = pytest.mark.django_db


def findings() -> list[Finding]:
    return [found for found in attention(Situation()) if found.code == "subscriptions_unreadable"]


def test_who_sells_subscriptions_must_be_able_to_read_them(token: ApiToken) -> None:
    sync_resource(token.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    Product.objects.update(product_type="SUBSCRIPTION")
    assert findings() == []
    TokenPermission.objects.update_or_create(
        token=token,
        code="SUBSCRIPTIONS_READ",
        defaults={"observed": TokenPermission.Observed.DENIED},
    )
    (found,) = findings()
    assert found.store_id == token.store_id
    assert "7 days, and none after that" in found.sentence
    Product.objects.update(product_type="DIGITAL")
    assert findings() == []
