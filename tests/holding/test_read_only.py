"""A copy of the live database with the live keys, and READ_ONLY: what waits stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django import actions, tasks
from pandabase_django.checkout import estimate_checkout, open_checkout
from pandabase_django.exceptions import ActionRefused, CheckoutRefused, ReadOnly
from pandabase_django.models import (
    ApiToken,
    CheckoutSession,
    Product,
    RemoteAction,
    RotationAttempt,
    Store,
    Subscription,
    SyncRun,
    UsageRecord,
    WebhookEndpoint,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import rotation
from pandabase_django.services.tokens.connection import test_connection as check_connection
from pandabase_django.services.tokens.diagnosis import diagnose
from pandabase_django.services.tokens.permissions import verify_permissions
from pandabase_django.services.webhooks.registration import (
    delete_registration,
    register,
    update_registration,
)
from pandabase_django.services.webhooks.rotation import (
    finish_due_rotations,
    finish_rotation,
    start_rotation,
)
from pandabase_django.services.webhooks.secrets import OVERLAP
from pandabase_django.usage import record_usage, send_usage
from tests.actions.conftest import KIND_NAMES, REASON, Shop
from tests.holding.conftest import writes
from tests.sync.world import sync_of

PAGES = ("pay", "return")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(sandbox: Sandbox, store: Store) -> Shop:
    return Shop(sandbox, store)


@pytest.fixture
def subscription(shop: Shop) -> Subscription:
    shop.sandbox.change([{"op": "create_meter", "product": 0, "event": "calls"}])
    return shop.subscription(product=0)


@pytest.mark.parametrize("name", KIND_NAMES)
def test_no_action_is_recorded(name: str, shop: Shop, deploy: Callable[..., None]) -> None:
    attempt = shop.attempt(name)
    deploy(READ_ONLY=True)
    before = writes(shop.sandbox)
    with pytest.raises(ActionRefused, match="READ_ONLY is set") as caught:
        attempt.ask()
    assert caught.value.code == "held_back"
    assert not RemoteAction.objects.exists()
    assert writes(shop.sandbox) == before


@pytest.mark.parametrize("hours", [0, 5])
def test_an_action_that_waits_goes_on_waiting(
    hours: int, shop: Shop, deploy: Callable[..., None]
) -> None:
    order = shop.order()
    action = actions.refund(order, reason=REASON)
    RemoteAction.objects.update(asked_at=timezone.now() - timedelta(hours=hours), enqueued_at=None)
    action.refresh_from_db()
    as_it_was = model_to_dict(action)
    deploy(READ_ONLY=True)
    for _ in range(3):
        assert tasks.sweep_actions() == 0
        actions.perform(action.pk)
        assert tasks.perform_action(str(action.pk)) == "PREPARED"
    action.refresh_from_db()
    assert model_to_dict(action) == as_it_was
    assert not shop.refunds(order)


def test_what_was_sent_is_looked_for(shop: Shop, deploy: Callable[..., None]) -> None:
    """Reading settles it, as in the deployment that has sent it."""
    order = shop.order()
    action = actions.refund(order, reason=REASON)
    shop.sandbox.fault(
        [{"method": "POST", "path_regex": "/refunds/", "action": "commit_then_reset"}]
    )
    actions.perform(action.pk)
    deploy(READ_ONLY=True)
    RemoteAction.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=1))
    assert actions.perform(action.pk).state == "DONE"
    assert len(shop.refunds(order)) == 1


def test_an_action_goes_on_where_it_may_be_sent_again(
    shop: Shop, deploy: Callable[..., None]
) -> None:
    order = shop.order()
    action = actions.refund(order, reason=REASON)
    deploy(READ_ONLY=True)
    actions.perform(action.pk)
    deploy(READ_ONLY=False)
    assert actions.perform(action.pk).state == "DONE"
    assert len(shop.refunds(order)) == 1


def test_usage_is_recorded_and_waits(
    shop: Shop, subscription: Subscription, deploy: Callable[..., None]
) -> None:
    record_usage(subscription, "calls", 3)
    deploy(READ_ONLY=True)
    record_usage(subscription, "calls", 4)
    assert tasks.send_usage() == []
    assert tasks.send_store_usage(shop.store.pk).startswith("READ_ONLY is set")
    with pytest.raises(ReadOnly):
        send_usage(shop.store)
    assert set(UsageRecord.objects.values_list("state", "attempts")) == {("PENDING", 0)}
    assert not shop.sandbox.dump("usage")
    deploy(READ_ONLY=False)
    assert send_usage(shop.store).sent == 2


def test_no_rotation_begins(token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]) -> None:
    ApiToken.objects.update(rotate_after_days=1, secret_set_at=timezone.now() - timedelta(days=400))
    deploy(READ_ONLY=True)
    assert tasks.rotate_due_secrets() == []
    with pytest.raises(ReadOnly):
        rotation.request_rotation(token, reason="due", trigger="COMMAND")
    with pytest.raises(ReadOnly):
        rotation.request_pair_rotation(token.store, reason="due", trigger="COMMAND")
    report = rotation.preflight(token)
    assert [check.name for check in report.checks if not check.ok] == ["deployment"]
    assert not RotationAttempt.objects.exists()
    assert not writes(sandbox)


@pytest.mark.parametrize("state", ["PREPARED", "SENT", "WATCHING", "JOURNALED", "VERIFIED"])
@pytest.mark.parametrize("hours", [0, 30])
def test_an_open_rotation_stays_as_it_was(
    state: str, hours: int, token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    attempt = rotation.request_rotation(token, reason="due", trigger="COMMAND")
    ago = timezone.now() - timedelta(hours=hours)
    RotationAttempt.objects.update(
        state=state, prepared_at=ago, sent_at=ago, watch_until=ago + timedelta(hours=1)
    )
    as_it_was = RotationAttempt.objects.values().get()
    deploy(READ_ONLY=True)
    asked = sandbox.requests_served
    assert tasks.watch_rotations() == 0
    assert tasks.rotate_secret.apply(args=[str(attempt.pk)]).state in ("SUCCESS", "RETRY")
    rotation.run_rotation(attempt.pk)
    assert RotationAttempt.objects.values().get() == as_it_was
    assert sandbox.requests_served == asked
    token.refresh_from_db()
    assert token.health == "OK"


def test_an_answer_in_the_spool_stays_there(
    tmp_path: Any, token: ApiToken, deploy: Callable[..., None]
) -> None:
    """A copy on the same machine may share the folder."""
    deploy(ROTATION_SPOOL=str(tmp_path), READ_ONLY=True)
    file = tmp_path / "somebody"
    file.write_text("x")
    assert rotation.pick_up_spool().left == ()
    assert file.exists()


def test_nothing_is_registered(store: Store, sandbox: Sandbox, deploy: Callable[..., None]) -> None:
    endpoint = WebhookEndpoint.objects.create(store=store, label="Shop")
    url = "https://shop.example.com/in/"
    register(endpoint, url=url)
    start_rotation(endpoint)
    sent = writes(sandbox)
    WebhookEndpoint.objects.update(previous_valid_until=timezone.now() - OVERLAP)
    endpoint.refresh_from_db()
    other = WebhookEndpoint.objects.create(store=store, label="Other")
    deploy(READ_ONLY=True)
    as_it_was = list(WebhookEndpoint.objects.order_by("pk").values())
    for change in (
        lambda: register(other, url=url),
        lambda: update_registration(endpoint, url=url),
        lambda: delete_registration(endpoint),
        lambda: start_rotation(endpoint),
        lambda: finish_rotation(endpoint),
    ):
        with pytest.raises(ReadOnly):
            change()
    assert finish_due_rotations() == []
    assert list(WebhookEndpoint.objects.order_by("pk").values()) == as_it_was
    assert writes(sandbox) == sent


def test_no_checkout_is_opened_nor_one_given_that_was(
    store: Store, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    (product_id,) = sandbox.change(
        [{"op": "create_product", "fields": {"title": "Plan", "price": 900, "status": "ACTIVE"}}]
    )
    sync_of(store, "products")
    product = Product.objects.get(pk=product_id)
    wanted: dict[str, Any] = {"return_url": "https://shop.example/{session}/", "idempotency": "v"}
    open_checkout(store, [product], **wanted)
    deploy(READ_ONLY=True)
    with pytest.raises(CheckoutRefused) as caught:
        open_checkout(store, [product], **wanted)
    assert caught.value.code == "held_back"
    assert "Nothing can be bought here" in caught.value.for_buyer
    assert not caught.value.retryable
    assert CheckoutSession.objects.count() == 1
    assert len(sandbox.dump("checkouts")) == 1
    # Who has paid is led to the end of it all the same.
    session = CheckoutSession.objects.get()
    pay, end = (reverse(f"pandabase:checkout-{n}", args=[session.public_id]) for n in PAGES)
    assert Client().get(pay).status_code == 409
    CheckoutSession.objects.update(state="EXPIRED")
    answer = Client().get(pay)
    assert (answer.status_code, answer.headers["Location"]) == (302, end)
    # A price only computes.
    assert estimate_checkout(store, [product], country="DE").subtotal_minor == 900


def test_polls_and_tests_of_the_connection_go_on(
    token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    deploy(READ_ONLY=True)
    for resource in ("products", "orders"):
        assert sync_of(token.store, resource).run.state == SyncRun.State.COMPLETED
    assert check_connection(token).ok
    assert diagnose(token).ok
    assert not verify_permissions(token).error
    call_command("pandabase_test_connection")
    assert not writes(sandbox)
