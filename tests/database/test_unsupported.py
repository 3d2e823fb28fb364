"""MySQL and MariaDB are refused before the first table is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections

from pandabase_django.checks import check_databases
from pandabase_django.services.health.checklist import migrations_are_applied
from pandabase_django.services.health.findings import Level, Situation
from pandabase_django.services.health.report import settings_are_sound

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["MySQL", "MariaDB"])
def other(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The connection calls itself something else; nothing else of it changes."""
    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql", raising=False)
    monkeypatch.setattr(type(connections["default"]), "display_name", request.param, raising=False)
    return request.param


def test_a_system_check_names_the_database(other: str) -> None:
    (message,) = check_databases(None)
    assert message.id == "pandabase.E020"
    assert other in message.msg
    assert "PostgreSQL or SQLite" in message.msg
    assert message.id in {finding.code for finding in settings_are_sound(Situation())}


def test_no_server_is_asked_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: object) -> str:
        raise AssertionError("The check asks the server.")

    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql")
    monkeypatch.setattr(type(connections["default"]), "display_name", property(ask))
    assert [message.id for message in check_databases(None)] == ["pandabase.E020"]


def test_the_command_that_checks_everything_says_so_first(other: str) -> None:
    found = migrations_are_applied(Situation())
    assert found.level is Level.ERROR
    assert other in found.sentence


def test_migrate_refuses_before_it_writes(
    migrations: None, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemCheckError, match=other):
        call_command("migrate", "pandabase", "zero", verbosity=0, skip_checks=False)
    with pytest.raises(CommandError, match=f"{other}.*no table was made"):
        call_command("migrate", "pandabase", "zero", verbosity=0)
    assert "pandabase_store" in connection.introspection.table_names()


def test_other_apps_may_be_migrated_there(migrations: None, other: str) -> None:
    call_command("migrate", "contenttypes", verbosity=0)


def test_a_router_may_keep_the_tables_out(other: str, settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.database.test_unsupported.NoTablesOfOurs"]
    call_command("migrate", verbosity=0)


class NoTablesOfOurs:
    """As a site whose first database is MySQL, and ours another one."""

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool | None:
        return False if app_label == "pandabase" else None
