"""DATABASE_ROUTERS: a read replica, a second database, and what can't work says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import router

from pandabase_django.checks import check_databases
from pandabase_django.database import write_alias
from pandabase_django.models import ApiToken, Order, Store
from pandabase_django.sandbox import Sandbox
from tests.worker.shop import PATIENCE_SECONDS, ROOT, Shop

MODELS = list(apps.get_app_config("pandabase").get_models())


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 30, "orders": 40}


@pytest.mark.worker
@pytest.mark.thorough
@pytest.mark.parametrize("name", ["ReadReplica", "EverythingElsewhere"])
def test_a_shops_day_with_two_databases(name: str, tmp_path: Path, sandbox: Sandbox) -> None:
    """The replica never gets a row: one that lags by a day shows all the same."""
    shop = Shop(
        f"sqlite:///{tmp_path / 'first.sqlite3'}",
        SECOND_DATABASE_URL=f"sqlite:///{tmp_path / 'second.sqlite3'}",
        ROUTER=name,
        DJANGO_SETTINGS_MODULE="tests.database.settings",
    )
    token = sandbox.hmac_token
    arguments = (sandbox.url, token.secret, token.token_id, sandbox.store_id)
    done = subprocess.run(
        [sys.executable, "-m", "tests.database.shop_day", *arguments],
        env=shop.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_is_read_where_it_is_written(model: Any, settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.routers.ReadReplica"]
    assert router.db_for_read(model) == "replica"
    assert model.objects.all().db == "default"
    assert model._base_manager.all().db == "default"
    assert model.objects.using("replica").db == "replica"


@pytest.mark.usefixtures("further_databases")
def test_relations_are_read_where_they_are_written(settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.routers.ReadReplica"]
    assert Store(pk="shp_1").tokens.all().db == "default"
    assert ApiToken(store_id="shp_1").permissions.filter(declared=True).db == "default"
    assert Order(pk="ord_1").items.all().db == "default"


def test_transactions_and_sql_go_where_rows_are_written(settings: Any) -> None:
    assert write_alias() == "default"
    settings.DATABASE_ROUTERS = ["tests.routers.EverythingElsewhere"]
    assert write_alias() == "second"


@pytest.mark.usefixtures("further_databases")
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("AppElsewhere", "pandabase.E022", "the users to default"),
        ("OrdersElsewhere", "pandabase.E021", "default, second"),
    ],
)
def test_what_routers_tear_apart_is_an_error(
    name: str, code: str, said: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [f"tests.routers.{name}"]
    (message,) = check_databases(None)
    assert message.id == code
    assert said in message.msg


def test_one_database_is_no_problem() -> None:
    assert check_databases(None) == []
