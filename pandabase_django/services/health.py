"""What needs a person's attention. The admin's overview and ``pandabase_check`` say the same.

A check is a function from a ``Situation`` to findings; adding one means adding it to ``CHECKS``.
No check speaks to a network.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.core import checks as system
from django.db import connection
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from pandabase_django import checks
from pandabase_django.models import ApiToken, SyncRun, TokenPermission
from pandabase_django.models.sync import Resource
from pandabase_django.services.addresses import addresses_are_known
from pandabase_django.services.findings import Check, Finding, Level, Situation
from pandabase_django.services.freshness import BEAT_SILENT_AFTER, beat_last_seen, freshness
from pandabase_django.services.rotation.findings import rotations_are_settled, spool_is_empty
from pandabase_django.services.sync.runs import STALLED_AFTER
from pandabase_django.services.webhooks.findings import (
    deliveries_are_worked_off,
    endpoints_are_well,
)

__all__ = ["CHECKS", "attention", "missing_permissions"]

# What a sync reads, and whether it finds the same rows without.
NEEDED = {
    "PRODUCTS_READ": False,
    "ORDERS_READ": False,
    "CATEGORIES_READ": False,
    "REFUNDS_READ": True,
    "DISPUTES_READ": True,
}


def attention(situation: Situation) -> list[Finding]:
    """Everything that is not as it should be, the worst first."""
    found = [finding for check in CHECKS for finding in check(situation)]
    order = list(Level)
    return sorted(found, key=lambda finding: order.index(finding.level))


def settings_are_sound(situation: Situation) -> Iterator[Finding]:
    """Django's own system checks of this app; the keys of all stored secrets when thorough."""
    messages = list(checks.check_settings(None))
    if situation.thorough:
        messages += checks.check_stored_keys(None, databases=[connection.alias])
    for message in messages:
        yield Finding(
            code=message.id or "settings",
            level=Level.ERROR if message.level >= system.ERROR else Level.WARNING,
            sentence=str(message.msg),
            fix=str(message.hint or ""),
        )


def beat_ticks(situation: Situation) -> Iterator[Finding]:
    """Whether scheduled tasks still run, once they have."""
    seen = beat_last_seen(situation)
    if seen is not None and situation.now - seen > BEAT_SILENT_AFTER:
        yield Finding(
            code="beat_silent",
            level=Level.WARNING,
            sentence=_("Beat has not ticked for %(time)s: no scheduled task has run since.")
            % {"time": timesince(seen, situation.now)},
            fix=_("Start Celery beat and a worker; both must use the same broker."),
        )


def tokens_are_well(situation: Situation) -> Iterator[Finding]:
    """Refused credentials, and stores that nothing can call."""
    for token in situation.tokens:
        if token.health == ApiToken.Health.SUSPECT:
            yield Finding(
                code="token_suspect",
                level=Level.ERROR if token.role == ApiToken.Role.ACTIVE else Level.WARNING,
                sentence=_("Pandabase refused the token %(token)s: %(why)s")
                % {"token": token, "why": token.health_reason},
                fix=_("Test its connection; if it fails, install a new secret."),
                url_name="pandabase_apitoken_change",
                url_args=(str(token.pk),),
                store_id=token.store_id,
            )
    for store in situation.enabled.values():
        if store.pk not in situation.active_tokens:
            yield Finding(
                code="no_active_token",
                level=Level.ERROR,
                sentence=_("The store %(store)s has no active token.") % {"store": store},
                fix=_("Add a token, or make one of its tokens active."),
                url_name="pandabase_apitoken_add",
                store_id=store.pk,
            )


def permissions_suffice(situation: Situation) -> Iterator[Finding]:
    """What syncs read and the active token may not."""
    for store_id, token in situation.active_tokens.items():
        if store_id not in situation.enabled:
            continue
        for code in missing_permissions(token):
            if NEEDED[code]:
                level = Level.NOTE
                sentence = _("%(token)s lacks %(code)s: syncs do without, at a price.")
            else:
                level = Level.WARNING
                sentence = _("%(token)s lacks %(code)s: this is not synced at all.")
            yield Finding(
                code="permission_missing",
                level=level,
                sentence=sentence % {"token": token, "code": code},
                fix=_(
                    "Allow it in the Pandabase dashboard, then declare it here and verify the "
                    "permissions."
                ),
                url_name="pandabase_apitoken_change",
                url_args=(str(token.pk),),
                store_id=store_id,
            )


def missing_permissions(token: ApiToken) -> list[str]:
    """Codes that syncs need and this token is known to lack, the indispensable ones first.

    A code is lacking when a call was refused for it, or when the token declares some codes and
    not this one.
    """
    rows = {row.code: row for row in token.permissions.all()}
    declares = any(row.declared for row in rows.values())
    denied = TokenPermission.Observed.DENIED
    granted = TokenPermission.Observed.GRANTED
    missing: list[str] = []
    for code in NEEDED:
        row = rows.get(code)
        refused = row is not None and row.observed == denied
        undeclared = declares and (row is None or not (row.declared or row.observed == granted))
        if refused or undeclared:
            missing.append(code)
    return missing


def rows_are_fresh(situation: Situation) -> Iterator[Finding]:
    """Resources whose last complete sync is long ago."""
    for item in freshness(situation):
        if not item.stale or item.as_of is None or item.store_id not in situation.enabled:
            continue
        yield Finding(
            code="resource_stale",
            level=Level.WARNING,
            sentence=_("The %(resource)s of %(store)s are as of %(time)s, %(ago)s ago.")
            % {
                "resource": item.resource,
                "store": situation.enabled[item.store_id],
                "time": date_format(localtime(item.as_of), "DATETIME_FORMAT"),
                "ago": timesince(item.as_of, situation.now),
            },
            fix=_("Start a sync of the store, and see that beat and a worker run."),
            url_name="pandabase_store_change",
            url_args=(item.store_id,),
            store_id=item.store_id,
        )


def runs_end_well(situation: Situation) -> Iterator[Finding]:
    """The newest run of each resource, where it failed, hangs or asks for a person."""
    for run in situation.latest_runs.values():
        found = _of_run(run, situation)
        if found is None and run.state == SyncRun.State.POSTPONED:
            # It has not ended, so what the one before it ended with holds still.
            run = situation.before_postponed.get((run.store_id, run.resource), run)
            found = _of_run(run, situation)
        if found is not None:
            code, level, sentence, fix = found
            yield Finding(
                code=code,
                level=level,
                sentence=sentence
                % {
                    "resource": run.get_resource_display(),
                    "store": _name_of_store(run.store_id, situation),
                    "why": run.error or run.attention,
                },
                fix=fix,
                url_name="pandabase_syncrun_change",
                url_args=(str(run.pk),),
                store_id=run.store_id,
            )


def _of_run(run: SyncRun, situation: Situation) -> tuple[str, Level, str, str] | None:
    silent = run.state == SyncRun.State.RUNNING and situation.now - run.heartbeat_at > STALLED_AFTER
    if silent or run.state == SyncRun.State.STALLED:
        return (
            "run_stalled",
            Level.WARNING,
            _("The sync of %(resource)s of %(store)s stopped without a word."),
            _("The next run goes on from there; start one, and see why the worker ended."),
        )
    if (
        run.state == SyncRun.State.POSTPONED
        and run.waiting_until is not None
        and situation.now - run.waiting_until > STALLED_AFTER
    ):
        return (
            "run_stalled",
            Level.WARNING,
            _("The sync of %(resource)s of %(store)s was to go on by itself and has not."),
            _("Start it again, and see that the broker and a worker run."),
        )
    if run.state == SyncRun.State.FAILED:
        return (
            "run_failed",
            Level.ERROR,
            _("The sync of %(resource)s of %(store)s failed: %(why)s"),
            _("Read the run; start it again when its cause is gone."),
        )
    if run.state == SyncRun.State.PARTIAL and run.resource == Resource.REQUEST_LOGS:
        return None  # it goes on by itself
    if run.state == SyncRun.State.PARTIAL and not _explained_by_permission(run, situation):
        return (
            "run_partial",
            Level.WARNING,
            _("The sync of %(resource)s of %(store)s left something out."),
            _("Its warnings name it; the next run tries it again."),
        )
    if run.attention:
        return (
            "run_attention",
            Level.WARNING,
            _("The sync of %(resource)s of %(store)s asks for a person: %(why)s"),
            _("Compare with the Pandabase dashboard."),
        )
    return None


def _explained_by_permission(run: SyncRun, situation: Situation) -> bool:
    """Whether what the run left out is told of its token already."""
    token = situation.active_tokens.get(run.store_id)
    missing = missing_permissions(token) if token is not None else []
    return run.resource == Resource.PRODUCTS and "CATEGORIES_READ" in missing


def _name_of_store(store_id: str, situation: Situation) -> str:
    return next((str(store) for store in situation.stores if store.pk == store_id), store_id)


CHECKS: list[Check] = [
    settings_are_sound,
    beat_ticks,
    tokens_are_well,
    permissions_suffice,
    rows_are_fresh,
    runs_end_well,
    rotations_are_settled,
    spool_is_empty,
    addresses_are_known,
    endpoints_are_well,
    deliveries_are_worked_off,
]
