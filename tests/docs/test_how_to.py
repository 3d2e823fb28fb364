"""What the how-tos show runs, and does what they say."""

from __future__ import annotations

import logging.config
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import certifi
import pytest
from celery import Celery, current_app
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    ErasureKey,
    Order,
    Purchase,
    RefusedDeliveries,
    RemoteAction,
    Store,
    SyncRun,
    UsageRecord,
    WebhookEndpoint,
)
from pandabase_django.services.actions.queue import due_actions
from pandabase_django.services.health.system import check_settings, check_stored_keys
from pandabase_django.services.purchases.queue import due_purchases
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.usage.batches import stores_with_usage
from pandabase_django.services.webhooks.queue import due_deliveries
from pandabase_django.testing import Pandabase
from tests.admin.rows import row_of, store_of
from tests.docs.pages import blocks
from tests.required import skip


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "docs/how-to", "exec"), names)
    return names


def full_store(name: str) -> Store:
    """A store with a row in every table."""
    store = Store.objects.create(pk=name)
    for model in apps.get_app_config("pandabase").get_models():
        if model.__name__ not in ("RemoteOutage", "TaskTick", "ErasureKey", "RefusedDeliveries"):
            row_of(model, store=store, mark=name)
    endpoint = WebhookEndpoint.objects.get(store=store)
    RefusedDeliveries.objects.create(place=endpoint.pk, noted_at=timezone.now())
    return store


def rows_of(store: Store) -> Iterator[Any]:
    for model in apps.get_app_config("pandabase").get_models():
        for row in model._default_manager.all():
            with suppress(LookupError):  # of no store
                if store_of(row) == store.pk:
                    yield row


@pytest.mark.django_db
def test_a_deleted_store_leaves_no_row_and_takes_none_of_another() -> None:
    gone, stays = full_store("shp_gone"), full_store("shp_stays")
    endpoint = WebhookEndpoint.objects.get(store=stays)
    before = set(rows_of(stays))
    names = run(blocks("docs/how-to/delete-a-store.md")[0])
    names["delete_store"](gone)
    gone.pk = "shp_gone"
    assert list(rows_of(gone)) == []
    assert set(rows_of(stays)) == before
    assert RefusedDeliveries.objects.get().pk == endpoint.pk


@pytest.mark.django_db
def test_a_staging_copy_opens_nothing_and_does_nothing_that_waited() -> None:
    full_store("shp_live")
    now = timezone.now()
    ErasureKey.objects.create(secret=Secret("erased"))
    Purchase.objects.update(state="PENDING", next_attempt_at=now, enqueued_at=None)
    RemoteAction.objects.update(closed_at=None, next_attempt_at=now, enqueued_at=None)
    UsageRecord.objects.update(state="PENDING", due_at=now)
    assert due_purchases()
    assert list(due_actions())
    with override_settings(PANDABASE={"ENCRYPTION_KEYS": [generate_key()]}):
        assert [error.id for error in check_stored_keys(None, databases=["default"])] == [
            "pandabase.E005"
        ]
        run(blocks("docs/how-to/staging.md")[-1])
        assert check_stored_keys(None, databases=["default"]) == []
    assert not ApiToken.objects.exists()
    assert (list(due_purchases()), list(due_actions()), list(due_deliveries())) == ([], [], [])
    assert list(stores_with_usage()) == []
    assert not Store.objects.filter(enabled=True).exists()


def test_the_settings_of_a_copy_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDABASE_ENCRYPTION_KEY", generate_key())
    given = run(blocks("docs/how-to/staging.md")[0], os=os)
    with override_settings(PANDABASE=given["PANDABASE"]):
        assert (conf.read_only, conf.environment) == (True, "staging")
        assert not [one for one in check_settings(None) if one.is_serious()]


@pytest.mark.django_db
@pytest.mark.pandabase(products=5)
def test_stores_are_asked_one_by_one(
    pandabase: Pandabase, capsys: pytest.CaptureFixture[str]
) -> None:
    sync_resource(pandabase.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    run(blocks("docs/how-to/several-stores.md")[0], user=User.objects.create(username="ada"))
    assert str(pandabase.store) in capsys.readouterr().out


def test_the_routes_of_a_page_keep_syncs_apart_from_what_customers_wait_for() -> None:
    app = Celery("shop", set_as_current=False)
    app.conf.task_routes = run(blocks("docs/how-to/several-stores.md")[1])["CELERY_TASK_ROUTES"]
    queues = {
        name: app.amqp.router.route({}, name)["queue"].name
        for name in current_app.tasks
        if name.startswith("pandabase.")
    }
    apart = {name.partition(".")[2] for name, queue in queues.items() if queue == "syncs"}
    assert apart == {
        "fetch_request_logs",
        "sync_all",
        "sync_details",
        "sync_orders",
        "sync_products",
        "sync_resource",
        "sync_rest",
        "sync_seldom",
        "sync_store",
    }
    assert queues["pandabase.process_purchase"] == queues["pandabase.process_webhook"] == "celery"


@pytest.mark.parametrize("page", ["behind-a-proxy.md", "go-live.md", "live-and-test.md"])
def test_the_settings_of_a_page_are_taken(
    page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PANDABASE_ENCRYPTION_KEY", generate_key())
    monkeypatch.setenv("DATABASE_PASSWORD", "not used")
    for block in blocks(f"docs/how-to/{page}"):
        block = block.replace("/etc/ssl/certs/company.pem", certifi.where())
        given = run(block.replace("/var/lib/shop/spool", str(tmp_path)), os=os)
        with override_settings(PANDABASE=given["PANDABASE"]):
            assert [found for found in check_settings(None) if found.is_serious()] == []
            assert conf.encryption_keys


def test_the_logging_of_a_page_is_taken() -> None:
    (given,) = map(run, blocks("docs/how-to/logs.md", holding="LOGGING"))
    logger = logging.getLogger("pandabase_django")
    before = ([*logger.handlers], logger.level)
    try:
        logging.config.dictConfig(given["LOGGING"])
        record = logger.makeRecord("pandabase_django.x", logging.INFO, "", 0, "Done.", (), None)
        assert logger.handlers[0].format(record).endswith(" INFO pandabase_django.x Done.")
    finally:
        logger.handlers, logger.level = before


def test_the_theme_with_classes_of_its_own_can_be_mixed_in() -> None:
    if find_spec("unfold") is None:
        skip("themes", reason="django-unfold is not installed")
    before = dict(admin.site._registry)
    try:
        shown = run(blocks("docs/how-to/admin-themes.md")[0])
        for model in (ApiToken, Order):
            assert isinstance(admin.site._registry[model], shown["ModelAdmin"])
    finally:
        admin.site._registry = before
