"""Puts a person into each text column of each table that can hold one.

What the remote has is put there, so that a sync would bring it back. All other columns are filled
here, by what ``decisions`` says of them; so a new column is filled as soon as it is decided on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone

from pandabase_django.models import (
    ApiToken,
    CustomerLink,
    Dispute,
    License,
    Order,
    OrderItem,
    RefusedDeliveries,
    RemoteAction,
    RequestLog,
    RotationAttempt,
    Subscription,
    UsageRecord,
    WebhookDelivery,
)
from pandabase_django.services.people.decisions import TABLES
from pandabase_django.services.sync.due.causes import Cause, Shown
from pandabase_django.usage import record_usage
from tests.people.conftest import ADDRESS, MARK, Canary

__all__ = ["be_everywhere", "places_without_the_person"]

# Columns of text that no person can be put into, and why.
NEVER = {
    "Order.billing_country": "a code of two letters",
    "RemoteAction.parameters": "words in it are of an open action, which may still be sent",
}


def be_everywhere(canary: Canary) -> None:
    """Fill what the canary has not left yet."""
    _at_the_remote(canary)
    canary.poll()
    _in_own_tables(canary)
    for name, table in TABLES.items():
        model = apps.get_model("pandabase", name)
        rows = _rows_of_the_person(canary, model)
        for kind in ("emptied", "scrubbed", "reread", "replaced", "cut", "searched"):
            for column in _texts(model, table.columns(kind)):
                for row in rows:
                    _fill(row, column, kind)


def places_without_the_person(canary: Canary) -> list[str]:
    """Text columns that can hold a person and do not hold this one."""
    empty = []
    for name, table in TABLES.items():
        model = apps.get_model("pandabase", name)
        kinds = ("emptied", "scrubbed", "reread", "replaced", "cut", "shortened", "searched")
        for column in _texts(model, table.columns(*kinds)):
            said = map(str, _rows_of_the_person(canary, model).values_list(column, flat=True))
            if f"{name}.{column}" not in NEVER and not any(MARK in one.lower() for one in said):
                empty.append(f"{name}.{column}")
    return empty


def _at_the_remote(canary: Canary) -> None:
    change = canary.sandbox.change
    (subscription, *_) = change([{"op": "create_subscription", "product": 0, "customer": 0}])
    whose = {"id": canary.customer_id, "email": ADDRESS, "firstName": MARK}
    change([{"op": "edit_subscription", "id": subscription, "fields": {"customer": whose}}])
    licence = canary.sandbox.dump("licenses")[0]["id"]
    fields = {"customerId": canary.customer_id, "orderId": canary.order_id, "note": MARK}
    change([{"op": "edit_license", "id": licence, "fields": fields}])


def _in_own_tables(canary: Canary) -> None:
    store, now = canary.store, timezone.now()
    subscription = Subscription.objects.get(customer=canary.customer_id)
    record_usage(subscription, "tokens", 1, key=f"answer-{ADDRESS}-1")
    RequestLog.objects.create(
        id="req_1", store=store, path="/", payload={}, logged_at=now, synced_at=now
    )
    RefusedDeliveries.objects.create(place=canary.endpoint.pk, newest=[], noted_at=now)
    token = ApiToken.objects.filter(store=store).first()
    RotationAttempt.objects.create(token=token, state="LOST", from_version=1, prepared_at=now)
    RemoteAction.objects.create(
        store=store, what="REFUND", object_id=canary.others[1], parameters={}, asked_at=now
    )
    CustomerLink.objects.filter(store=store).update(ended_at=now)
    for state in ("PENDING", "DEAD"):
        delivery = canary.webhook()
        WebhookDelivery.objects.filter(pk=delivery.pk).update(
            state=state, finished_at=None, next_attempt_at=now + timedelta(hours=1)
        )


def _rows_of_the_person(canary: Canary, model: type[models.Model]) -> models.QuerySet[Any]:
    rows = model._default_manager.all()
    orders = [canary.order_id, *canary.others]
    whose: dict[type[models.Model], dict[str, Any]] = {
        Order: {"pk__in": orders},
        OrderItem: {"order__in": orders},
        License: {"order": canary.order_id},
        Dispute: {"order__in": orders},
        Subscription: {"customer": canary.customer_id},
        UsageRecord: {"subscription__customer": canary.customer_id},
    }
    if model.__name__ in ("Refund", "Dispute"):
        return rows.filter(order__in=orders)
    if model.__name__ == "Customer":
        return rows.filter(pk=canary.customer_id)
    return rows.filter(**whose.get(model, {}))


def _texts(model: type[models.Model], names: tuple[str, ...]) -> list[str]:
    kinds = (models.CharField, models.TextField, models.JSONField)
    return [name for name in names if isinstance(model._meta.get_field(name), kinds)]


def _fill(row: Any, column: str, kind: str) -> None:
    model = type(row)
    field, value = model._meta.get_field(column), getattr(row, column)
    if f"{model.__name__}.{column}" in NEVER or MARK in str(value).lower():
        return
    said: Any = f"It failed for {ADDRESS}." if kind == "searched" else f"{MARK} said so"
    if kind == "cut":
        said = f"https://shop.example/thanks?mail={ADDRESS}"
    if isinstance(field, models.JSONField):
        said = {**value, "brandNew": said} if isinstance(value, dict) else [said]
        long_ago = timezone.now() - timedelta(days=2)
        if column == "list_row":
            said = Shown(order=row.payload, at=long_ago, given_up=True).to_json()
        elif column == "due_cause":
            said = Cause(order=row.payload, seen_at=long_ago).to_json()
    if column == "same_key":
        said = f"{MARK}{row.pk}"[: field.max_length]
    model._default_manager.filter(pk=row.pk).update(**{column: said})
