"""Fills a shop for the browser and prints, as JSON, who may log in and which pages there are.

Run as ``python -m tests.browser.seed REMOTE filled|empty|selling URL`` in the shop's environment.
What can happen for real does: rows come by a sync, failures from a sandbox that fails.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any

import django
from django.conf import settings

PASSWORD = "by keyboard alone"


def main() -> None:
    remote, how = json.loads(sys.argv[1]), sys.argv[2]
    from django.contrib.auth.models import User

    user = User.objects.create_superuser("owner", "owner@example.com", PASSWORD)
    if how == "filled":
        fill(remote, user)
    if how == "selling":
        sell(remote, url=sys.argv[3])
        user = User.objects.create_user("buyer", password=PASSWORD)
    sys.stdout.write(
        json.dumps(
            {
                "username": user.username,
                "password": PASSWORD,
                "session": log_in(user),
                "pages": pages_of(user) if how == "filled" else [],
                "baseline": baseline() if how == "filled" and not settings.THEME else [],
            }
        )
    )


def fill(remote: dict[str, Any], user: Any) -> None:
    """A shop with a past: good and bad tokens, runs that ended and one that goes on."""
    from django.core.management import call_command
    from django.utils import timezone

    from pandabase_django.crypto.secret import Secret
    from pandabase_django.models import ApiToken, SyncRun
    from pandabase_django.services.sync.runs import sync_resource
    from pandabase_django.services.tokens.connection import add_token, declare_permissions
    from pandabase_django.services.tokens.connection import test_connection as probe
    from pandabase_django.tasks import fetch_request_logs

    hmac = next(token for token in remote["tokens"] if token["mode"] == "HMAC")
    bearer = next(token for token in remote["tokens"] if token["mode"] == "BEARER")
    active = add_token(
        store_id=remote["store"],
        mode="HMAC",
        secret=Secret(hmac["secret"]),
        token_id=hmac["token_id"],
        name="Main",
        permissions=["PRODUCTS_READ", "CATEGORIES_READ", "ORDERS_READ", "REFUNDS_READ"],
        base_url=remote["url"],
    )
    declare_permissions(active, [*hmac["permissions"], "LOYALTY_READ"])
    probe(active)
    for name, secret, test in (
        ("Standby", bearer["secret"], True),
        ("Old laptop", "sk_test_this_one_was_revoked", False),
    ):
        token = add_token(
            store_id=remote["store"],
            mode="BEARER",
            secret=Secret(secret),
            name=name,
            base_url=remote["url"],
            test=test,
        )
        probe(token)
    for resource in ("products", "orders"):
        sync_resource(active.store, resource=resource, trigger=SyncRun.Trigger.SCHEDULE)
    # Before the run that never ends: a rotation waits a minute for it.
    ApiToken.objects.filter(name="Main").update(rotate_after_days=90)
    options = ["--token", str(active.pk), "--reason", "A laptop was lost", "--no-input"]
    call_command("pandabase_rotate_secret", *options, stdout=sys.stderr)
    now = timezone.now()
    failed = SyncRun.objects.create(
        store=active.store,
        resource="orders",
        state=SyncRun.State.FAILED,
        trigger=SyncRun.Trigger.ADMIN,
        started_by=user,
        started_at=now - timedelta(hours=3),
        heartbeat_at=now - timedelta(hours=3),
        finished_at=now - timedelta(hours=3) + timedelta(seconds=4),
        requests=3,
        error="HTTP 503: the remote answered three times that it is unavailable.",
        request_id="req_5c1f0c",
    )
    SyncRun.objects.filter(pk=failed.pk).update(warnings=["Order ord_1: U+0000 was replaced."])
    SyncRun.objects.create(
        store=active.store,
        resource="orders",
        state=SyncRun.State.POSTPONED,
        trigger=SyncRun.Trigger.SCHEDULE,
        started_at=now - timedelta(hours=2),
        heartbeat_at=now - timedelta(hours=2),
        finished_at=now - timedelta(hours=2) + timedelta(seconds=3),
        waiting_until=now + timedelta(minutes=12),
        requests=41,
        error="HTTP 429: the rate limit of the token is used up.",
    )
    SyncRun.objects.create(
        store=active.store,
        resource="products",
        trigger=SyncRun.Trigger.ADMIN,
        started_by=user,
        started_at=now - timedelta(seconds=40),
        heartbeat_at=now + timedelta(hours=1),
        phase="products",
        progress_done=23,
        progress_total=60,
        requests=4,
    )
    fetch_request_logs.apply(args=[active.store_id])
    fill_webhooks(active.store)
    fill_checkouts(remote, active.store, user)
    fill_actions(remote, active.store, user)
    for name in list(_missing()):
        _make(name, active.store)


def sell(remote: dict[str, Any], *, url: str) -> None:
    """A shop with products on sale, which hears of its orders by webhooks."""
    from demo_project.webhooks import receive_webhooks
    from pandabase_django.crypto.secret import Secret
    from pandabase_django.models import SyncRun
    from pandabase_django.services.sync.runs import sync_resource
    from pandabase_django.services.tokens.connection import add_token

    given = next(token for token in remote["tokens"] if token["mode"] == "HMAC")
    token = add_token(
        store_id=remote["store"],
        mode="HMAC",
        secret=Secret(given["secret"]),
        token_id=given["token_id"],
        base_url=remote["url"],
    )
    sync_resource(token.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    receive_webhooks(token.store, site=url)


def fill_checkouts(remote: dict[str, Any], store: Any, user: Any) -> None:
    """Checkouts that were paid, paid otherwise, left, and one whose handler fails."""
    from django.utils import timezone

    from pandabase_django.models import CheckoutSession, HandledFact, Purchase, PurchaseFact
    from pandabase_django.services.purchases.reference import metadata_for
    from pandabase_django.services.sync.refresh import fetch_order

    lines = [{"name": "Course: first steps", "amount": 4900, "quantity": 1}]
    less = {"total": 100, "amount": 100}
    for number, forged in enumerate(({}, {}, less, {"discount": 4000, "total": 900}, None)):
        session = CheckoutSession(
            store=store,
            state="OPEN",
            user=user if number else None,
            purpose="course",
            context={"course": number},
            items=[{"name": "Course: first steps", "quantity": 1, "price_minor": 4900}],
            currency="USD",
            subtotal_minor=4900,
            expires_at=timezone.now() + timedelta(hours=6),
        )
        metadata = metadata_for(session.reference)
        (session.session_id,) = _change(remote, "open_checkout", items=lines, metadata=metadata)
        session.save(force_insert=True)
        if forged is not None:
            paid = _change(remote, "pay_checkout", id=session.session_id, **forged)
            fetch_order(store, paid[-1], delivery_id="")
    handed, failing, *_ = Purchase.objects.order_by("pk")
    Purchase.objects.filter(pk=handed.pk).update(
        state="IDLE", last_fact="PAID", next_attempt_at=None
    )
    fact = PurchaseFact.objects.create(purchase=handed, number=1, fact="PAID", state="DONE")
    HandledFact.objects.create(fact=fact, handler="shop.pandabase_events.enrol_in_course")
    Purchase.objects.filter(pk=failing.pk).update(
        attempts=3,
        next_attempt_at=timezone.now() + timedelta(hours=2),
        enqueued_at=None,
        last_error="Raised: shop.pandabase_events.enrol_in_course (LookupError: 'no seat left')",
    )


def fill_actions(remote: dict[str, Any], store: Any, user: Any) -> None:
    """A dispute and a subscription to act upon, and actions that were done, refused and lost."""
    from django.utils import timezone

    from pandabase_django import actions
    from pandabase_django.models import Order, RemoteAction, Subscription
    from pandabase_django.services.sync.access.refreshing import fetch_subscription
    from pandabase_django.services.sync.money.lists import DISPUTES
    from pandabase_django.services.sync.refresh import fetch_order
    from pandabase_django.services.sync.single import fetch_row

    (refunded,) = _change(remote, "create_order")
    order, dispute = _change(remote, "dispute_order", id=_change(remote, "create_order")[0])
    for pk in (refunded, order):
        fetch_order(store, pk)
    fetch_row(store, DISPUTES, dispute)
    pks = [_change(remote, "create_subscription", customer=n)[0] for n in (1, 2)]
    for pk in pks:
        fetch_subscription(store, pk)
    row = Order.objects.get(pk=refunded)
    actions.perform(actions.refund(row, reason="The course was cancelled.", by=user))
    paused, lost = (Subscription.objects.get(pk=pk) for pk in pks)
    actions.perform(actions.pause_subscription(paused, reason="On holiday", by=user))
    actions.perform(actions.resume_subscription(paused, reason="Back again", by=user))
    unknown = actions.cancel_subscription(lost, reason="Moved away", by=user)
    now = timezone.now()
    RemoteAction.objects.filter(pk=unknown.pk).update(
        state="UNKNOWN",
        sent_at=now - timedelta(minutes=4),
        looked_at=now - timedelta(minutes=1),
        watch_until=now + timedelta(minutes=56),
        next_attempt_at=now + timedelta(minutes=1),
        outcome="127.0.0.1:8000 did not answer in time.",
    )


def _change(remote: dict[str, Any], op: str, **options: Any) -> list[str]:
    import requests

    change = [{"op": op, **options}]
    reply = requests.post(f"{remote['control_url']}/changes", json=change, timeout=60)
    reply.raise_for_status()
    ids: list[str] = reply.json()["data"]["ids"]
    return ids


def fill_webhooks(store: Any) -> None:
    """An endpoint that is registered and differs, and deliveries that went well and badly."""
    from django.utils import timezone

    from pandabase_django.models import Order, WebhookDelivery, WebhookEndpoint
    from pandabase_django.services.webhooks.comparison import compare
    from pandabase_django.services.webhooks.process import process_delivery
    from pandabase_django.services.webhooks.registration import register
    from pandabase_django.services.webhooks.rotation import start_rotation

    endpoint = WebhookEndpoint.objects.create(store=store, label="Shop")
    register(endpoint, url=f"https://shop.example/pandabase/webhooks/{endpoint.pk}")
    start_rotation(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(event_types=["PAYMENT_REFUNDED"])
    compare(store)
    endpoint.refresh_from_db()
    WebhookEndpoint.objects.create(store=store, label="Made in the dashboard", enabled=False)
    secret = endpoint.secret.reveal()
    orders = list(Order.objects.order_by("-created_at").values_list("pk", flat=True)[:6])
    events = ("PAYMENT_COMPLETED", "PAYMENT_REFUNDED", "SUBSCRIPTION_RENEWED")
    for number, order_id in enumerate(orders * 2):
        deliver(endpoint.pk, secret, number=number, event=events[number % 3], order_id=order_id)
    rows = WebhookDelivery.objects.order_by("pk")
    for delivery in rows[:9]:
        process_delivery(delivery.pk)
    failed = {"attempts": 8, "last_error": "HTTP 503: the remote is unavailable."}
    WebhookDelivery.objects.filter(pk=rows[3].pk).update(
        state="DEAD", next_attempt_at=None, **failed
    )
    WebhookDelivery.objects.filter(pk=rows[9].pk).update(
        state="PENDING",
        next_attempt_at=timezone.now() + timedelta(hours=2),
        attempts=3,
        last_error="Raised: shop.pandabase_events.hand_out_key_for_order (LookupError: 'no key')",
    )
    deliver(endpoint.pk, secret, number=90, event="PAYMENT_DISPUTED", order_id="ord_unknown")
    for number in range(4):
        deliver(endpoint.pk, secret + "x", number=number, event=events[0], order_id=orders[0])
    for number in range(5):
        late = {"skew_seconds": -430 - number, "order_id": orders[0]}
        deliver(endpoint.pk, secret, number=number, event=events[0], **late)
    deliver(endpoint.pk, secret, number=1, event=events[0], order_id=orders[0], version="V1")
    deliver("0" * 40, secret, number=1, event=events[0], order_id=orders[0])


def deliver(
    endpoint_id: str,
    secret: str,
    *,
    number: int,
    event: str,
    order_id: str,
    skew_seconds: int = 0,
    version: str = "V2",
) -> None:
    """One delivery, signed by the sandbox's code, through the shop's own view."""
    import time

    from django.test import Client

    from pandabase_django.sandbox.webhooks.signatures import signed_headers

    identity = f"evt_{number:024d}"
    payload = {
        "event": event,
        "id": identity,
        "timestamp": "2026-11-24T12:00:00.000Z",
        "data": {"order": {"id": order_id, "status": "COMPLETED"}, "customer": {}, "geo": {}},
    }
    body = json.dumps(payload).encode()
    headers = signed_headers(
        secret,
        version=version,
        reading="text",
        event_id=identity,
        job=f"whk_1/{number}",
        at_ms=int((time.time() + skew_seconds) * 1000),
        body=body,
    )
    Client(headers={"host": "127.0.0.1"}).post(
        f"/pandabase/webhooks/{endpoint_id}",
        data=body,
        content_type="application/json",
        headers={"User-Agent": "Pandabase-Webhooks/2.0", **headers},
    )


def _missing() -> list[Any]:
    from tests.admin.rights.enumeration import model_admins

    return [a.model for a in model_admins().values() if not a.model.objects.exists()]


def _make(model: Any, store: Any) -> None:
    from tests.admin.rows import row_of

    row_of(model, store=store, mark="example ")


def log_in(user: Any) -> str:
    """A session's key, so that pages can be opened without the login page."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def pages_of(user: Any) -> list[dict[str, str]]:
    """Every page of the app that answers a GET with HTML, by name and path, found by trying."""
    from django.test import Client
    from django.urls import reverse

    from tests.admin.rights.enumeration import pages

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    found = [{"name": "index", "path": reverse("admin:app_list", args=["pandabase"])}]
    for page in pages():
        if not page.name:
            continue
        path = page.url(_row(page))
        answer = client.get(path)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            found.append({"name": page.name.removeprefix("pandabase_"), "path": path})
    return found


def _row(page: Any) -> Any:
    from pandabase_django.models import (
        CheckoutSession,
        Order,
        Purchase,
        RemoteAction,
        Store,
        Subscription,
    )

    if page.model_admin is None:
        return Store.objects.first()
    if page.model_admin.model is Purchase:
        return Purchase.objects.filter(verdict="MISMATCH").first()
    if page.model_admin.model is CheckoutSession:
        return CheckoutSession.objects.filter(state="MISMATCH").first()
    rows = page.model_admin.model.objects
    if page.model_admin.model is Subscription:
        return rows.exclude(pk__in=RemoteAction.objects.open().values("object_id")).first()
    if page.model_admin.model is Order:
        # One that was sold here: everything is known of it.
        return rows.filter(purchases__verdict="MATCHED").order_by("created_at").first()
    return rows.first()


def baseline() -> list[dict[str, str]]:
    """Pages of plain ModelAdmins over the same rows."""
    from django.urls import reverse

    from tests.browser.plain import site

    found = [("plain:index", []), ("plain:app_list", ["pandabase"])]
    for model in site._registry:
        name = f"plain:pandabase_{model._meta.model_name}"
        pk = model._default_manager.values_list("pk", flat=True).first()
        found += [(f"{name}_changelist", []), (f"{name}_change", [pk])]
        found += [(f"{name}_add", []), (f"{name}_delete", [pk])]
    return [{"name": name, "path": reverse(name, args=arguments)} for name, arguments in found]


if __name__ == "__main__":
    django.setup()
    main()
