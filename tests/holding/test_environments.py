"""Another environment's token is not used at all, reads included, until a person confirms it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.forms import model_to_dict
from django.utils import timezone

from pandabase_django import actions, tasks
from pandabase_django.checkout import open_checkout
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    ActionRefused,
    CheckoutRefused,
    ConfigurationError,
    OtherEnvironment,
)
from pandabase_django.models import (
    ApiToken,
    Product,
    RemoteAction,
    RotationAttempt,
    Store,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for, rotation
from pandabase_django.services.checkout.clients import public_client_for
from pandabase_django.services.health.findings import Level, Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.sync.runs import scheduled_stores
from pandabase_django.services.tokens.connection import activate_token, add_token, retire_token
from pandabase_django.services.tokens.connection import test_connection as check_connection
from pandabase_django.services.tokens.diagnosis import diagnose
from pandabase_django.services.tokens.holding import (
    confirm_token,
    held_back,
    refuse_write,
    stores_elsewhere,
)
from pandabase_django.services.tokens.permissions import verify_permissions
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.registration import register
from pandabase_django.services.webhooks.rotation import finish_due_rotations
from pandabase_django.usage import record_usage, send_usage
from tests.actions.conftest import REASON, Shop
from tests.connecting import connect
from tests.sync.world import sync_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(sandbox: Sandbox, store: Store) -> Shop:
    return Shop(sandbox, store)


def codes() -> dict[str, Level]:
    return {finding.code: finding.level for finding in attention(Situation())}


@pytest.mark.parametrize(
    ("added_in", "here", "is_used"),
    [
        ("", "", True),
        ("production", "production", True),
        ("production", "staging", False),
        ("production", "Production", False),
        # A copy in a deployment that was never given a name, such as a developer's machine.
        ("production", "", False),
        # Production never had a name, and staging was given one: the copy must not act.
        ("", "staging", False),
    ],
)
def test_a_token_is_used_where_it_was_added(
    added_in: str,
    here: str,
    is_used: bool,
    sandbox: Sandbox,
    db: None,
    deploy: Callable[..., None],
) -> None:
    deploy(ENVIRONMENT=added_in)
    token = connect(sandbox)
    assert token.environment == added_in
    deploy(ENVIRONMENT=here)
    assert (held_back(token.store_id) is None) == is_used
    asked = sandbox.requests_served
    if is_used:
        with client_for(token.store) as client:
            client.store.get()
        assert sandbox.requests_served == asked + 1
    else:
        with pytest.raises(OtherEnvironment, match="until a person confirms"):
            client_for(token.store).__enter__()
        assert sandbox.requests_served == asked


def test_nothing_at_all_is_asked_and_what_waits_stays(
    shop: Shop, token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    sync_of(shop.store, "products")
    subscription = shop.subscription(product=0)
    action = actions.refund(shop.order(), reason=REASON)
    usage = record_usage(subscription, "calls", 3)
    ApiToken.objects.update(rotate_after_days=1, secret_set_at=timezone.now() - timedelta(days=99))
    attempt = rotation.request_rotation(token, reason="due", trigger="COMMAND")
    ago = timezone.now() - timedelta(hours=5)
    RotationAttempt.objects.update(prepared_at=ago)
    RemoteAction.objects.update(asked_at=ago, enqueued_at=None)
    product = Product.objects.first()
    deploy(ENVIRONMENT="staging")
    asked, runs = sandbox.requests_served, SyncRun.objects.count()
    rows = (action, usage, attempt, token)
    as_they_were = [model_to_dict(type(row).objects.get(pk=row.pk)) for row in rows]

    assert tasks.sync_all() == tasks.sync_seldom() == tasks.send_usage() == []
    assert tasks.rotate_due_secrets() == []
    assert tasks.watch_rotations() == 0
    assert tasks.sweep_actions() == 0
    assert tasks.perform_action(str(action.pk)) == "PREPARED"
    assert tasks.sync_orders(shop.store.pk) == "SKIPPED"
    rotation.run_rotation(attempt.pk)
    assert not check_connection(token).ok
    for ask in (
        lambda: send_usage(shop.store),
        lambda: sync_of(shop.store, "orders"),
        lambda: rotation.request_rotation(token, reason="due", trigger="COMMAND"),
        lambda: public_client_for(shop.store).request("checkout_create", body={}),
    ):
        with pytest.raises(OtherEnvironment):
            ask()
    with pytest.raises(ActionRefused):
        actions.pause_subscription(subscription, reason=REASON)
    with pytest.raises(CheckoutRefused):
        open_checkout(shop.store, [product], return_url="https://shop.example/")

    assert [model_to_dict(type(row).objects.get(pk=row.pk)) for row in rows] == as_they_were
    assert (sandbox.requests_served, SyncRun.objects.count()) == (asked, runs)
    # Nothing else is wrong because of it.
    found = {code for code, level in codes().items() if level is not Level.NOTE}
    assert found - {"pandabase.W006"} == {"token_other_environment"}


@pytest.mark.parametrize(
    ("tokens", "is_held"),
    [
        # Stores that sell without a token say nothing of an environment.
        ([], False),
        ([("staging", "ACTIVE")], False),
        ([("staging", "STANDBY")], False),
        ([("staging", "RETIRED")], False),
        # A copy whose owner disabled the live token.
        ([("production", "ACTIVE")], True),
        ([("production", "STANDBY")], True),
        ([("production", "RETIRED")], True),
        ([("", "RETIRED")], True),
        # A person made a token of this environment active; or a shop that has a new name.
        ([("staging", "ACTIVE"), ("production", "STANDBY")], False),
        ([("staging", "ACTIVE"), ("production", "RETIRED")], False),
        # Nobody did, or not any more.
        ([("staging", "STANDBY"), ("production", "ACTIVE")], True),
        ([("staging", "STANDBY"), ("production", "RETIRED")], True),
        ([("staging", "RETIRED"), ("production", "RETIRED")], True),
    ],
)
def test_a_store_is_of_elsewhere_until_a_token_of_here_is_active(
    tokens: list[tuple[str, str]], is_held: bool, db: None, deploy: Callable[..., None]
) -> None:
    Store.objects.create(pk="shp_1", title="One")
    other = Store.objects.create(pk="shp_2")
    environments = [*tokens]
    for number, (environment, _) in enumerate(environments):
        deploy(ENVIRONMENT=environment)
        add_token(
            store_id="shp_1",
            mode="BEARER",
            secret=Secret(f"sk_{number}"),
            name=str(number),
            test=False,
        )
    ApiToken.objects.update(role="STANDBY")
    for number, (_, role) in enumerate(environments):
        ApiToken.objects.filter(name=str(number)).update(role=role)
    deploy(ENVIRONMENT="staging")
    held = {"shp_1"} if is_held else set()
    assert {pk for pk in ("shp_1", "shp_2") if held_back(pk) is not None} == held
    assert set(stores_elsewhere()) == held
    assert set(scheduled_stores()) == {"shp_1", "shp_2"} - held
    situation = Situation()
    assert situation.held_back == held
    assert held <= situation.uncallable
    assert set(Situation(stores=[other]).held_back) == set()
    if not is_held:
        return
    with pytest.raises(OtherEnvironment) as caught:
        refuse_write("shp_1")
    is_active = ("production", "ACTIVE") in tokens
    assert ("has no active token" in str(caught.value)) is not is_active


def test_disabling_the_token_lets_nothing_out(
    shop: Shop, token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    sync_of(shop.store, "products")
    subscription = shop.subscription(product=0)
    order = shop.order()
    action = actions.refund(order, reason=REASON)
    usage = record_usage(subscription, "calls", 3)
    ago = timezone.now() - timedelta(hours=5)
    RemoteAction.objects.update(asked_at=ago, enqueued_at=None)
    endpoint = WebhookEndpoint.objects.create(
        store=shop.store, label="Shop", previous_valid_until=ago, previous_remote_id="wh_1"
    )
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_id="evt_1",
        event="PAYMENT_COMPLETED",
        order_id=order.pk,
        received_at=ago,
        next_attempt_at=ago,
    )
    product = Product.objects.first()
    deploy(ENVIRONMENT="staging", API_URL=sandbox.url)
    retire_token(token)
    asked, runs = sandbox.requests_served, SyncRun.objects.count()
    rows = (action, usage, delivery, endpoint)
    as_they_were = [model_to_dict(type(row).objects.get(pk=row.pk)) for row in rows]

    assert tasks.sync_all() == tasks.sync_seldom() == tasks.send_usage() == []
    assert tasks.sweep_actions() == tasks.sweep_webhooks() == 0
    assert tasks.perform_action(str(action.pk)) == "PREPARED"
    assert tasks.sync_orders(shop.store.pk) == "SKIPPED"
    process_delivery(delivery.pk)
    assert finish_due_rotations() == []
    for ask in (
        lambda: send_usage(shop.store),
        lambda: sync_of(shop.store, "orders"),
        lambda: register(endpoint, url="https://shop.example.com/in/"),
        lambda: public_client_for(shop.store).request("checkout_create", body={}),
    ):
        with pytest.raises(OtherEnvironment, match="has no active token"):
            ask()
    with pytest.raises(ActionRefused, match="has no active token"):
        actions.pause_subscription(subscription, reason=REASON)
    with pytest.raises(CheckoutRefused, match="has no active token"):
        open_checkout(shop.store, [product], return_url="https://shop.example/")

    assert [model_to_dict(type(row).objects.get(pk=row.pk)) for row in rows] == as_they_were
    assert (sandbox.requests_served, SyncRun.objects.count()) == (asked, runs)
    found = {one.code: one for one in attention(Situation())}
    del found["pandabase.W006"], found["webhook_no_secret"]
    assert list(found) == ["no_active_token"]
    assert "so nothing is done for it here" in found["no_active_token"].sentence

    # A token of here, made active by a person, ends it.
    activate_token(connect(sandbox, sandbox.add_token()))
    assert held_back(shop.store.pk) is None
    assert open_checkout(shop.store, [product], return_url="https://shop.example/").checkout_url


def test_a_delivery_waits_and_is_not_tried(
    shop: Shop, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    order = shop.order()
    delivery = WebhookDelivery.objects.create(
        endpoint=WebhookEndpoint.objects.create(store=shop.store, label="Shop"),
        event_id="evt_1",
        event="PAYMENT_COMPLETED",
        order_id=order.pk,
        received_at=timezone.now(),
        next_attempt_at=timezone.now(),
    )
    deploy(ENVIRONMENT="staging")
    asked = sandbox.requests_served
    assert tasks.sweep_webhooks() == 0
    process_delivery(delivery.pk)
    assert WebhookDelivery.objects.values_list("state", "attempts").get() == ("PENDING", 0)
    assert sandbox.requests_served == asked


def test_a_client_does_not_go_over_to_a_token_of_elsewhere(
    token: ApiToken, sandbox: Sandbox
) -> None:
    other = connect(sandbox, sandbox.add_token())
    ApiToken.objects.filter(pk=other.pk).update(environment="production")
    with client_for(token.store) as client:
        client.store.get()
        sandbox.revoke_token(token.token_id)
        activate_token(other)
        with pytest.raises(OtherEnvironment):
            client.store.get()


def test_a_rotation_takes_no_signer_from_elsewhere(token: ApiToken, sandbox: Sandbox) -> None:
    other = connect(sandbox, sandbox.add_token())
    ApiToken.objects.filter(pk=other.pk).update(environment="production")
    other.refresh_from_db()
    assert [way.signer for way in rotation.ways_to_rotate(token)] == [token]
    assert rotation.ways_to_rotate(other) == []
    with pytest.raises(OtherEnvironment):
        rotation.request_rotation(token, reason="due", trigger="COMMAND", signer=other)


def test_confirming_lets_it_be_used(
    token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    deploy(ENVIRONMENT="production")
    assert codes()["token_other_environment"] is Level.WARNING
    confirm_token(token)
    assert token.environment == "production"
    assert "token_other_environment" not in codes()
    assert check_connection(token).ok


def test_the_command_confirms(
    token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None], capsys: Any
) -> None:
    call_command("pandabase_confirm_token", all=True)
    assert "nothing to confirm" in capsys.readouterr().err
    deploy(ENVIRONMENT="production")
    with pytest.raises(CommandError) as caught:
        call_command("pandabase_confirm_token", all=True)
    assert caught.value.returncode == 2
    token.refresh_from_db()
    assert token.environment == ""
    with pytest.raises(CommandError) as caught:
        call_command("pandabase_confirm_token", token="nothing", no_input=True)
    assert caught.value.returncode == 2
    call_command("pandabase_confirm_token", store=token.store_id, no_input=True)
    told = capsys.readouterr()
    assert told.out.strip() == str(token.pk)
    assert "“production”" in told.err
    token.refresh_from_db()
    assert token.environment == "production"


def test_a_report_says_that_it_waits_for_a_person_and_connects_to_nothing(
    token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None], capsys: Any
) -> None:
    deploy(ENVIRONMENT="production")
    # Whatever connects fails now, and would be reported as the network's fault.
    sandbox.close()
    (line,) = diagnose(token).lines
    assert (line.title, line.ok) == ("Environment", False)
    assert "until a person confirms it" in line.sentence
    assert "confirm it on its page" in line.fix
    assert line.command == f"python manage.py pandabase_confirm_token --token {token.pk}"

    report = check_connection(token)
    assert (report.ok, report.held, report.refused, report.status) == (False, True, False, None)
    for arguments in ({}, {"token": str(token.pk)}, {"format": "json"}):
        with pytest.raises(CommandError) as caught:
            call_command("pandabase_test_connection", **arguments)
        assert caught.value.returncode == 1
        assert "pandabase_confirm_token" in str(caught.value)
        assert "connection report" not in str(caught.value)
    with pytest.raises(OtherEnvironment):
        verify_permissions(token)
    token.refresh_from_db()
    assert (token.health, token.health_reason) == ("OK", "")


def test_a_connection_that_failed_is_named_before_a_token_that_waits(
    token: ApiToken, sandbox: Sandbox
) -> None:
    other = connect(sandbox, sandbox.add_token())
    ApiToken.objects.filter(pk=other.pk).update(environment="production")
    sandbox.close()
    with pytest.raises(CommandError, match="connection report"):
        call_command("pandabase_test_connection")


def test_a_name_is_a_short_one(token: ApiToken, deploy: Callable[..., None]) -> None:
    deploy(ENVIRONMENT="https://user:password@example.com")
    with pytest.raises(ConfigurationError, match="must be a name"):
        held_back(token.store_id)
