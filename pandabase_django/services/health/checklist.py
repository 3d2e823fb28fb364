"""What must be set up before the app is of use, in the order it is done."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from django.core.cache import caches
from django.db import DatabaseError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from pandabase_django.conf import conf
from pandabase_django.database import connection
from pandabase_django.models import ApiToken
from pandabase_django.services.caching import unless_cache_fails
from pandabase_django.services.health import system
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.freshness import BEAT_SILENT_AFTER, beat_last_seen
from pandabase_django.services.webhooks.surroundings import receives_webhooks, site_answer

__all__ = ["STEPS", "is_set_up", "setup"]


def setup(situation: Situation) -> list[Finding]:
    """Every step with whether it is done; a step that can't be looked at here is a note."""
    done: list[Finding] = []
    for step in STEPS:
        try:
            done.append(step(situation))
        except DatabaseError as error:
            # Without its tables nothing further can be checked.
            if any(found.code == "migrations" and found.level is Level.ERROR for found in done):
                return done
            name = type(error).__name__
            done.append(
                Finding(
                    code="tables_missing",
                    level=Level.ERROR,
                    sentence=_("The tables can't be read (%(error)s).") % {"error": name},
                    fix="python manage.py migrate",
                )
            )
            return done
    return done


def is_set_up(situation: Situation) -> bool:
    """Whether the app is of use: every enabled store has been synced once."""
    return first_sync_is_done(situation).level is Level.OK


def keys_are_configured(situation: Situation) -> Finding:
    """An encryption key, without which no secret can be kept."""
    wrong = [
        message
        for message in system.check_settings(None)
        if message.id in ("pandabase.E001", "pandabase.W002", "pandabase.E003")
    ]
    if wrong:
        return Finding(
            code="keys",
            level=Level.ERROR,
            sentence=str(wrong[0].msg),
            fix=str(wrong[0].hint or "python manage.py pandabase_generate_key"),
        )
    return Finding(code="keys", level=Level.OK, sentence=_("An encryption key is configured."))


def migrations_are_applied(situation: Situation) -> Finding:
    """The tables are those of this version, in a database that can hold them."""
    for message in system.check_databases(None):
        return Finding(
            code="migrations",
            level=Level.ERROR,
            sentence=str(message.msg),
            fix=str(message.hint or ""),
        )
    if _unapplied():
        return Finding(
            code="migrations",
            level=Level.ERROR,
            sentence=_("Migrations of this version have not been applied."),
            fix="python manage.py migrate",
        )
    if _writers_collide():
        return Finding(
            code="sqlite",
            level=Level.NOTE,
            sentence=_(
                "SQLite answers “database is locked” when a worker and a page write at once."
            ),
            fix='"OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}',
        )
    return Finding(code="migrations", level=Level.OK, sentence=_("All migrations are applied."))


def _unapplied() -> set[str]:
    """Names of this app's migrations that the database lacks.

    Django's own loader imports the migrations of all apps, which takes longer than the whole check.
    """
    module = MigrationLoader.migrations_module("pandabase")[0]
    if module is None:
        return set()
    files = iter_modules(import_module(module).__path__)
    found = {name for _, name, is_package in files if not is_package and name[0] not in "_~"}
    applied = MigrationRecorder(connection).applied_migrations()
    return found - {name for app, name in applied if app == "pandabase"}


def _writers_collide() -> bool:
    if connection.vendor != "sqlite" or "memory" in str(connection.settings_dict["NAME"]):
        return False
    options = connection.settings_dict.get("OPTIONS") or {}
    return str(options.get("transaction_mode") or "").upper() not in ("IMMEDIATE", "EXCLUSIVE")


def cache_is_shared(situation: Situation) -> Finding:
    """Workers share exhausted rate limits through it."""
    for message in system.check_settings(None):
        if message.id == "pandabase.W006":
            return Finding(
                code="cache",
                level=Level.WARNING,
                sentence=str(message.msg),
                fix=str(message.hint),
            )
    if system.belongs_to_one_process(conf.rate_limit_cache):
        return Finding(
            code="cache",
            level=Level.NOTE,
            sentence=_("The cache belongs to one process, which is good enough to develop with."),
            fix=_("Name a shared one for production: Redis, Memcached or files."),
        )
    for alias in sorted({"default", conf.rate_limit_cache}):
        if not unless_cache_fails(lambda: _keeps(alias), False):  # noqa: B023  called at once
            return Finding(
                code="cache",
                level=Level.WARNING,
                sentence=_("The cache %(alias)s does not answer.") % {"alias": alias},
                fix=_("Start it, or correct its address in CACHES. Syncs go on without it."),
            )
    return Finding(
        code="cache", level=Level.OK, sentence=_("The cache for rate limits can be shared.")
    )


def _keeps(alias: str) -> bool:
    caches[alias].set("pandabase:check", "kept", 60)
    return bool(caches[alias].get("pandabase:check") == "kept")


def token_is_tested(situation: Situation) -> Finding:
    """A store with an active token that Pandabase has accepted."""
    if not situation.active_tokens:
        return Finding(
            code="token",
            level=Level.WARNING,
            sentence=_("No store has an active token yet."),
            fix=_("Add the first token; its store comes with it."),
            url_name="pandabase_apitoken_add",
        )
    tokens = situation.active_tokens.values()
    # A refused one is reported as what needs attention, with what follows from it.
    refused = next((t for t in tokens if t.health == ApiToken.Health.SUSPECT), None)
    passed = (ApiToken.Health.OK, ApiToken.Health.SUSPECT)
    untested = next((t for t in tokens if t.health not in passed), None)
    if untested is not None:
        return Finding(
            code="token",
            level=Level.WARNING,
            sentence=_("The token %(token)s has not passed a test.") % {"token": untested},
            fix=_("Test its connection."),
            url_name="pandabase_apitoken_change",
            url_args=(str(untested.pk),),
            store_id=untested.store_id,
        )
    if refused is not None:
        return Finding(
            code="token",
            level=Level.NOTE,
            sentence=_("Pandabase has refused the active token %(token)s.") % {"token": refused},
            url_name="pandabase_apitoken_change",
            url_args=(str(refused.pk),),
            store_id=refused.store_id,
        )
    return Finding(
        code="token", level=Level.OK, sentence=_("Each active token was accepted by Pandabase.")
    )


def first_sync_is_done(situation: Situation) -> Finding:
    """Every resource of every enabled store has been read once."""
    for store in situation.enabled.values():
        for resource in situation.resources:
            cursor = situation.cursors.get((store.pk, resource))
            if cursor is None or not cursor.once:
                return Finding(
                    code="first_sync",
                    level=Level.WARNING,
                    sentence=_("The %(resource)s of %(store)s have never been synced.")
                    % {"resource": resource.label, "store": store},
                    fix=_("Press “Sync now” on the store's page."),
                    url_name="pandabase_store_change",
                    url_args=(store.pk,),
                    store_id=store.pk,
                )
    if not situation.enabled:
        return Finding(
            code="first_sync",
            level=Level.WARNING,
            sentence=_("There is no enabled store to sync."),
            fix=_("Add a token; its store comes with it and is enabled."),
            url_name="pandabase_apitoken_add",
        )
    return Finding(
        code="first_sync", level=Level.OK, sentence=_("Every store has been synced once.")
    )


def broker_takes_tasks(situation: Situation) -> Finding:
    """Buttons hand their work to Celery through it."""
    if situation.broker is None:
        return Finding(
            code="broker",
            level=Level.NOTE,
            sentence=_("Whether the broker answers is not asked from a page."),
            fix="python manage.py pandabase_check",
        )
    problem = situation.broker()
    if problem:
        return Finding(
            code="broker",
            level=Level.ERROR,
            sentence=_("The broker does not answer: %(why)s") % {"why": problem},
            fix=_("Start it, or correct the broker URL in Celery's settings."),
        )
    return Finding(code="broker", level=Level.OK, sentence=_("The broker answers."))


def beat_runs(situation: Situation) -> Finding:
    """Scheduled tasks arrive."""
    seen = beat_last_seen(situation)
    if seen is None or situation.now - seen > BEAT_SILENT_AFTER:
        return Finding(
            code="beat",
            level=Level.NOTE,
            sentence=_("No scheduled task has run lately; syncs are started by hand only."),
            fix=_("Put beat_schedule() into Celery's settings, and start beat and a worker."),
        )
    return Finding(code="beat", level=Level.OK, sentence=_("Beat and a worker run."))


def webhook_urls_are_included(situation: Situation) -> Finding:
    """Deliveries reach a view. Without them orders are as fresh as the last sync."""
    if receives_webhooks():
        status = site_answer() if situation.thorough else None
        if status is not None:
            return Finding(
                code="webhooks",
                level=Level.WARNING,
                sentence=_(
                    "This site answers %(status)d at the address of webhooks before their view is "
                    "reached: deliveries are lost."
                )
                % {"status": status},
                fix=_("Exempt the address in the middleware that redirects or refuses it."),
            )
        return Finding(code="webhooks", level=Level.OK, sentence=_("Webhooks have their URLs."))
    return Finding(
        code="webhooks",
        level=Level.NOTE,
        sentence=_("Webhooks have no URLs: orders are as fresh as the last sync."),
        fix='path("pandabase/", include("pandabase_django.urls"))',
    )


STEPS: list[Callable[[Situation], Finding]] = [
    keys_are_configured,
    migrations_are_applied,
    cache_is_shared,
    broker_takes_tasks,
    token_is_tested,
    first_sync_is_done,
    beat_runs,
    webhook_urls_are_included,
]
