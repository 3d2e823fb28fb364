"""Pages that look otherwise by the state of their row, or after a form was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from pandabase_django.models import (
    Customer,
    Dispute,
    RemoteAction,
    Store,
    Subscription,
    UsageRecord,
)
from pandabase_django.services.books.reading import close_month, months_of

__all__ = ["states"]


def states() -> list[dict[str, Any]]:
    """By name and path; ``typed`` is what a form on the page is filled with, and then sent."""
    return [*_actions(), *_subscriptions(), *_disputes(), *_usage(), *_months(), _erasing()]


def _actions() -> Iterator[dict[str, Any]]:
    for action in RemoteAction.objects.all():
        state = f"{action.what}-{action.state}-{'open' if action.is_open else 'closed'}"
        yield _page("remoteaction_change", state, action.pk)


def _subscriptions() -> Iterator[dict[str, Any]]:
    idle = Subscription.objects.exclude(pk__in=RemoteAction.objects.open().values("object_id"))
    for status in Subscription.Status.values:
        row = idle.filter(status=status).first()
        if row is not None:
            yield _page("subscription_change", status, row.pk)
    active = idle.filter(status="ACTIVE").first()
    paused = idle.filter(status="PAUSED").first()
    cancelled = idle.filter(status="CANCELLED", ends_at__isnull=False).first()
    assert active
    assert paused
    assert cancelled
    yield _page("subscription_resume", "PAUSED", paused.pk)
    yield _page("subscription_reactivate", "CANCELLED", cancelled.pk)
    reason = {"#id_reason": "Moved away"}
    yield {**_page("subscription_cancel", "preview", active.pk), "typed": reason}
    more = {"#id_quantity": "3", **reason}
    yield {**_page("subscription_change_plan", "preview", active.pk), "typed": more}


def _disputes() -> Iterator[dict[str, Any]]:
    waiting = Dispute.objects.filter(status="AWAITING_REVIEW").order_by("-created_at")
    free = waiting.exclude(pk__in=RemoteAction.objects.open().values("object_id"))[0]
    yield _page("dispute_change", "waiting", free.pk)
    yield _page("dispute_evidence", "waiting", free.pk)


def _usage() -> Iterator[dict[str, Any]]:
    for record in UsageRecord.objects.filter(state="REJECTED"):
        yield _page("usagerecord_change", "REJECTED", record.pk)
        yield _page("usagerecord_correct", "REJECTED", record.pk)
        yield _page("usagerecord_drop", "REJECTED", record.pk)


def _months() -> Iterator[dict[str, Any]]:
    store = Store.objects.get()
    seen = set()
    for month, _count in months_of([store])[store.pk]:
        state = close_month(store, month).state
        if state not in seen:
            seen.add(state)
            asked = urlencode({"store": store.pk, "month": month})
            page = _page("ledgerentry_month", state)
            yield {**page, "path": f"{page['path']}?{asked}"}


def _erasing() -> dict[str, Any]:
    somebody = Customer.objects.live().exclude(email="").order_by("pk")[0]
    return {**_page("erasure_person_erase", "asked"), "typed": {"#id_address": somebody.email}}


def _page(name: str, state: str, *arguments: Any) -> dict[str, Any]:
    path = reverse(f"admin:pandabase_{name}", args=arguments)
    return {"name": f"{name}.{state}", "path": path}
