"""Whatever a person gives as a reason is kept without the secrets that were typed into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.access import link_customer, unlink_customer
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    CheckoutSession,
    Order,
    Purchase,
    RemoteAction,
    Subscription,
    UsageRecord,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.actions.registry import kind_of
from pandabase_django.services.actions.settling import settle_by_hand
from pandabase_django.services.purchases.matching import accept_purchase
from pandabase_django.services.rotation import request_rotation
from pandabase_django.services.rotation.install import install_secret
from pandabase_django.services.usage.corrections import drop_usage
from tests.access.rows import customer, mirror

pytestmark = pytest.mark.django_db

SECRET = "sk_" + "a" * 40
TYPED = f" The token {SECRET}\0 was in the log "
KEPT = "The token ••••\N{REPLACEMENT CHARACTER} was in the log"


def act(token: ApiToken) -> str:
    order = mirror(Order, token.store, status="COMPLETED", created_at=timezone.now())
    return actions.refund(order, reason=TYPED).reason


def settle(token: ApiToken) -> str:
    action = RemoteAction.objects.create(
        store=token.store,
        what="RETRY_FULFILMENT",
        object_id="ord_1",
        asked_at=timezone.now(),
        state="UNKNOWN",
        sent_at=timezone.now() - timedelta(hours=1),
    )
    kind = kind_of("RETRY_FULFILMENT")
    assert settle_by_hand(action, kind=kind, happened=True, reason=TYPED)
    return action.outcome


def accept(token: ApiToken) -> str:
    order = mirror(Order, token.store, status="COMPLETED")
    session = CheckoutSession.objects.create(store=token.store)
    purchase = Purchase.objects.create(
        store=token.store,
        order=order,
        session=session,
        verdict="MISMATCH",
        seen_at=timezone.now(),
    )
    accept_purchase(purchase.pk, reason=TYPED, user=User.objects.create(username="ada"))
    purchase.refresh_from_db()
    return purchase.accepted_reason


def link(token: ApiToken) -> str:
    user = User.objects.create(username="ada")
    made = link_customer(user, customer(token.store), reason=TYPED)
    unlink_customer(made, reason=TYPED)
    made.refresh_from_db()
    assert made.reason == made.end_reason
    return made.reason


def rotate(token: ApiToken) -> str:
    return request_rotation(token, reason=TYPED, trigger="ADMIN").reason


def install(token: ApiToken) -> str:
    secret = Secret(token.secret.reveal())
    return install_secret(token, secret=secret, reason=TYPED).reason


def drop(token: ApiToken) -> str:
    now = timezone.now()
    record = UsageRecord.objects.create(
        store=token.store,
        subscription=mirror(Subscription, token.store),
        quantity=1,
        at=now,
        recorded_at=now,
        due_at=now,
        state="REJECTED",
    )
    drop_usage(record.pk, reason=TYPED)
    record.refresh_from_db()
    return record.reason


WAYS: tuple[Callable[[ApiToken], Any], ...] = (act, settle, accept, link, rotate, drop)


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_in_a_reason_is_not_kept(way: Callable[[ApiToken], str], token: ApiToken) -> None:
    assert way(token) == KEPT


@pytest.mark.django_db(transaction=True)
def test_nor_in_that_of_an_installation(token: ApiToken, sandbox: Sandbox) -> None:
    assert install(token) == KEPT
