"""What needs a person's attention. The admin's overview and ``pandabase_check`` say the same.

A check is a function from a ``Situation`` to findings; adding one means adding it to ``CHECKS``.
No check speaks to a network.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.core import checks
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from pandabase_django.database import connection
from pandabase_django.models import SyncRun
from pandabase_django.models.sync import STALLED_AFTER, Resource
from pandabase_django.services.health import system
from pandabase_django.services.health.checks.access import subscriptions_can_be_read
from pandabase_django.services.health.checks.actions import actions_are_settled
from pandabase_django.services.health.checks.addresses import addresses_are_known
from pandabase_django.services.health.checks.deadlines import disputes_are_answered
from pandabase_django.services.health.checks.deployment import deployment_may_send
from pandabase_django.services.health.checks.operations import hosts_answer, scheduled_tasks_run
from pandabase_django.services.health.checks.people import erasures_are_finished
from pandabase_django.services.health.checks.purchases import purchases_are_handed_out
from pandabase_django.services.health.checks.rotation import rotations_are_settled, spool_is_empty
from pandabase_django.services.health.checks.tokens import follows_from_token, tokens_are_well
from pandabase_django.services.health.checks.usage import usage_is_sent
from pandabase_django.services.health.checks.webhooks import (
    deliveries_are_worked_off,
    endpoints_are_well,
)
from pandabase_django.services.health.findings import UNFINISHED, Check, Finding, Level, Situation
from pandabase_django.services.health.freshness import BEAT_SILENT_AFTER, beat_last_seen, freshness
from pandabase_django.services.tokens.permissions import NEEDED_BY_SYNCS
from pandabase_django.texts.times import time_text

__all__ = ["CHECKS", "attention"]


def attention(situation: Situation) -> list[Finding]:
    """Everything that is not as it should be, the worst first."""
    found = [finding for check in CHECKS for finding in check(situation)]
    order = list(Level)
    return sorted(found, key=lambda finding: order.index(finding.level))


def settings_are_sound(situation: Situation) -> Iterator[Finding]:
    """Django's own system checks of this app; the keys of all stored secrets when thorough."""
    messages = [
        *system.check_settings(None),
        *system.check_time_zones(None),
        *system.check_databases(None),
    ]
    if situation.thorough:
        messages += system.check_stored_keys(None, databases=[connection.alias])
    for message in messages:
        yield Finding(
            code=message.id or "settings",
            level=Level.ERROR if message.level >= checks.ERROR else Level.WARNING,
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


def permissions_suffice(situation: Situation) -> Iterator[Finding]:
    """What syncs read and the active token may not."""
    # Each store may lack some: the same words are translated once.
    dispensable = _("%(token)s lacks %(code)s: syncs do without, at a price.")
    needed = _("%(token)s lacks %(code)s: this is not synced at all.")
    fix = _("Allow it in the Pandabase dashboard, then declare it here and verify the permissions.")
    for store_id, token in situation.active_tokens.items():
        if store_id not in situation.enabled:
            continue
        for code in situation.lacks(token, NEEDED_BY_SYNCS):
            sentence = dispensable if NEEDED_BY_SYNCS[code] else needed
            yield Finding(
                code="permission_missing",
                level=Level.NOTE if NEEDED_BY_SYNCS[code] else Level.WARNING,
                sentence=sentence % {"token": token, "code": code},
                fix=fix,
                url_name="pandabase_apitoken_change",
                url_args=(str(token.pk),),
                store_id=store_id,
            )


def rows_are_fresh(situation: Situation) -> Iterator[Finding]:
    """Resources whose last complete sync is long ago."""
    for item in freshness(situation):
        if not item.stale or item.as_of is None or item.store_id not in situation.enabled:
            continue
        if item.store_id in situation.uncallable:
            continue  # its token's finding says so
        if item.store_id in situation.outages:
            continue  # the outage says it
        yield Finding(
            code="resource_stale",
            level=Level.WARNING,
            sentence=_("The %(resource)s of %(store)s are as of %(time)s, %(ago)s ago.")
            % {
                "resource": item.resource,
                "store": situation.enabled[item.store_id],
                "time": time_text(item.as_of),
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
        if _is_reported_elsewhere(run, situation):
            continue
        found = _of_run(run, situation)
        if found is None and run.state in UNFINISHED:
            before = situation.before_unfinished.get((run.store_id, run.resource), run)
            taken_up = run.state == SyncRun.State.RUNNING and before.state == SyncRun.State.STALLED
            if not taken_up and not _is_reported_elsewhere(before, situation):
                run, found = before, _of_run(before, situation)
        if found is not None:
            code, level, sentence, fix = found
            yield Finding(
                code=code,
                level=level,
                sentence=sentence
                % {
                    "resource": run.get_resource_display(),
                    "store": situation.name_of(run.store_id),
                    "why": run.error or run.attention,
                },
                fix=fix,
                url_name="pandabase_syncrun_change",
                url_args=(str(run.pk),),
                store_id=run.store_id,
            )


def _is_reported_elsewhere(run: SyncRun, situation: Situation) -> bool:
    if follows_from_token(run, situation):
        return True
    outage = situation.outages.get(run.store_id)
    failed = run.state in (SyncRun.State.FAILED, SyncRun.State.POSTPONED)
    return outage is not None and failed and run.heartbeat_at > outage.since - STALLED_AFTER


def _of_run(run: SyncRun, situation: Situation) -> tuple[str, Level, str, str] | None:
    if run.is_stalled(now=situation.now) or run.state == SyncRun.State.STALLED:
        return (
            "run_stalled",
            Level.WARNING,
            _("The sync of %(resource)s of %(store)s stopped without a message."),
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
    if (
        run.state == SyncRun.State.PARTIAL
        and run.resource == Resource.REQUEST_LOGS
        and run.attention
    ):
        return None  # a long log: it goes on by itself
    if run.state == SyncRun.State.PARTIAL and not _explained_by_permission(run, situation):
        said = _("The sync of %(resource)s of %(store)s left something out: %(why)s")
        return (
            "run_partial",
            Level.WARNING,
            said
            if run.attention
            else _("The sync of %(resource)s of %(store)s left something out."),
            _("Its warnings name it. Later runs try it again, a full sync at once."),
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
    """Whether what the run left out is in a finding of its token already."""
    token = situation.active_tokens.get(run.store_id)
    missing = situation.lacks(token, NEEDED_BY_SYNCS) if token is not None else []
    return run.resource == Resource.PRODUCTS and "CATEGORIES_READ" in missing


CHECKS: list[Check] = [
    settings_are_sound,
    deployment_may_send,
    beat_ticks,
    scheduled_tasks_run,
    hosts_answer,
    tokens_are_well,
    permissions_suffice,
    subscriptions_can_be_read,
    rows_are_fresh,
    runs_end_well,
    rotations_are_settled,
    spool_is_empty,
    addresses_are_known,
    endpoints_are_well,
    deliveries_are_worked_off,
    purchases_are_handed_out,
    usage_is_sent,
    actions_are_settled,
    disputes_are_answered,
    erasures_are_finished,
]
