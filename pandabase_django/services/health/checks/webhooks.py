"""What of the webhooks needs a person's attention; see ``services.health.report``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.crypto.secret import MASK
from pandabase_django.models import RefusedDeliveries, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.attempts.waiting import (
    FAILING,
    FAILING_LONG,
    error_of,
    newest_error,
)
from pandabase_django.services.health.counted import Counted, of_counts
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.tokens.refusals import TOKEN_WORDS
from pandabase_django.services.webhooks.doctor import REASON_TEXTS
from pandabase_django.services.webhooks.queue import (
    NOT_FETCHED,
    REFUSED,
    works_since,
)
from pandabase_django.services.webhooks.refusals import newest_refusal
from pandabase_django.texts.times import time_text

__all__ = ["deliveries_are_worked_off", "endpoints_are_well"]

WAITING_TOO_LONG = timedelta(minutes=10)
TOLD_FOR = timedelta(days=7)
STORE = "endpoint__store_id"
ASKED_OF_ENDPOINTS = (
    "store_id",
    "label",
    "secret",
    "secret_hint",
    "registration",
    "drift",
    "last_verified_at",
    "v1_allowed_until",
)

State = WebhookDelivery.State


def endpoints_are_well(situation: Situation) -> Iterator[Finding]:
    """Refused deliveries, registrations that differ, and signatures of the old kind."""
    refused = RefusedDeliveries.objects.filter(pk=OuterRef("pk"))
    endpoints = WebhookEndpoint.objects.filter(situation.rows(), enabled=True)
    for endpoint in endpoints.only(*ASKED_OF_ENDPOINTS).annotate(
        refused=Subquery(refused.values("newest")[:1])
    ):
        endpoint.store = situation.by_id[endpoint.store_id]
        for code, level, sentence, fix in _of_endpoint(endpoint, situation):
            yield Finding(
                code=code,
                level=level,
                sentence=sentence,
                fix=fix,
                url_name="pandabase_webhookendpoint_change",
                url_args=(endpoint.pk,),
                store_id=endpoint.store_id,
            )


def deliveries_are_worked_off(situation: Situation) -> Iterator[Finding]:
    """Dead letters, failing deliveries, ones nobody works on, and ids that came with two bodies."""
    conflicting = Q(conflicts__gt=0, received_at__gt=situation.now - TOLD_FOR)
    late = situation.now - WAITING_TOO_LONG
    # What fails because no token works is a finding of the token, and goes on with it.
    wanting = situation.rows(STORE, of=situation.uncallable) & reduce(
        or_, (Q(last_error__contains=words) for words in TOKEN_WORDS)
    )
    # What can't be fetched while the host does not answer is part of the outage's finding.
    wanting |= situation.rows(STORE, of=situation.outages) & NOT_FETCHED
    failing_itself = FAILING & ~wanting
    counted = (
        WebhookDelivery.objects.filter(
            situation.rows(STORE),
            Q(state=State.DEAD) | Q(state=State.PENDING) | conflicting,
        )
        .values(STORE)
        .annotate(
            dead=Count("pk", filter=Q(state=State.DEAD)),
            refused=Count("pk", filter=REFUSED),
            refused_at=Max("finished_at", filter=REFUSED),
            failing=Count("pk", filter=failing_itself),
            failing_long=Count("pk", filter=FAILING_LONG & ~wanting),
            newest=newest_error(failing_itself),
            # What is of a store of another environment waits for no worker.
            waiting=Count(
                "pk",
                filter=Q(state=State.PENDING, next_attempt_at__lt=late)
                & ~situation.rows(STORE, of=situation.elsewhere),
            ),
            conflicts=Count("pk", filter=conflicting),
        )
        .order_by(STORE)
    )
    for row in counted:
        token = situation.active_tokens.get(row[STORE])
        offered = (
            row["refused"]
            and token
            and works_since(
                token, row["refused_at"], permissions=situation.permissions.get(token.pk, ())
            )
        )
        refused = row["refused"] if offered else 0
        counts = (
            Counted(
                "webhook_dead_letters",
                Level.ERROR,
                row["dead"] - refused,
                ngettext(
                    "%(number)s webhook delivery of %(store)s was given up.",
                    "%(number)s webhook deliveries of %(store)s were given up.",
                    row["dead"] - refused,
                ),
                _("Fix what its error reports, then replay it."),
            ),
            Counted(
                "webhook_replay_offered",
                Level.ERROR,
                refused,
                ngettext(
                    "%(number)s webhook delivery of %(store)s was given up because the token was "
                    "refused. The token works again.",
                    "%(number)s webhook deliveries of %(store)s were given up because the token "
                    "was refused. The token works again.",
                    refused,
                ),
                _("Replay what was given up: here, or on the token's page."),
            ),
            Counted(
                # Somebody may have paid and have nothing: `pandabase_check` ends with 4 at once,
                # and with 1 when it is no matter of minutes.
                "webhook_failing",
                Level.ERROR if row["failing_long"] else Level.WARNING,
                row["failing"],
                ngettext(
                    "%(number)s webhook delivery of %(store)s failed twice or more. %(why)s",
                    "%(number)s webhook deliveries of %(store)s failed twice or more. %(why)s",
                    row["failing"],
                ),
                _("Fix what its error reports. It is tried again by itself, or by “Replay now”."),
            ),
            Counted(
                "webhook_waiting",
                Level.WARNING,
                row["waiting"],
                ngettext(
                    "%(number)s webhook delivery of %(store)s waits though it is due.",
                    "%(number)s webhook deliveries of %(store)s wait though they are due.",
                    row["waiting"],
                ),
                _("See that beat and enough workers run."),
            ),
            Counted(
                "webhook_conflict",
                Level.WARNING,
                row["conflicts"],
                ngettext(
                    "%(number)s event of %(store)s came under one id with two bodies.",
                    "%(number)s events of %(store)s came under one id with two bodies.",
                    row["conflicts"],
                ),
                _(
                    "The first body was kept. Ask Pandabase which is right; somebody may know the "
                    "signing secret."
                ),
            ),
        )
        yield from of_counts(
            situation,
            row[STORE],
            counts,
            url_name="pandabase_webhookdelivery_changelist",
            why=error_of(row["newest"]),
        )


def _of_endpoint(endpoint: Any, situation: Situation) -> Iterator[tuple[str, Level, str, str]]:
    if endpoint.secret is None:
        yield (
            "webhook_no_secret",
            Level.WARNING,
            _("The webhook endpoint %(endpoint)s has no signing secret and refuses everything.")
            % {"endpoint": endpoint},
            _("Register it at Pandabase, or paste its signing secret."),
        )
    elif endpoint.secret_hint == MASK:  # shorter than what a hint is made of
        yield (
            "webhook_weak_secret",
            Level.ERROR,
            _(
                "The signing secret of %(endpoint)s is so short that it proves nothing; all is "
                "refused."
            )
            % {"endpoint": endpoint},
            _("Replace the signing secret, or paste the right one."),
        )
    if endpoint.registration == WebhookEndpoint.Registration.GONE:
        yield (
            "webhook_gone",
            Level.ERROR,
            _("The webhook endpoint %(endpoint)s is not registered at Pandabase any more.")
            % {"endpoint": endpoint},
            _("Register it again."),
        )
    elif endpoint.registration == WebhookEndpoint.Registration.PENDING:
        yield (
            "webhook_pending",
            Level.WARNING,
            _("The webhook endpoint %(endpoint)s is being registered, or that was cut short.")
            % {"endpoint": endpoint},
            _("If it stays so, compare it with Pandabase: its page shows what was registered."),
        )
    elif endpoint.drift:
        fields = ", ".join(str(entry.get("field", "")) for entry in endpoint.drift)
        yield (
            "webhook_drift",
            Level.WARNING,
            _("The webhook endpoint %(endpoint)s differs from its registration: %(fields)s.")
            % {"endpoint": endpoint, "fields": fields},
            _("Update the registration, or compare again."),
        )
    good = endpoint.last_verified_at
    # A refusal that good deliveries have come after is a forgery, or was fixed.
    newest = newest_refusal(endpoint.refused)
    if newest and (good is None or newest.at > good + timedelta(minutes=1)):
        yield (
            "webhook_refused",
            Level.WARNING,
            _("The webhook endpoint %(endpoint)s last refused a delivery %(ago)s ago: %(why)s")
            % {
                "endpoint": endpoint,
                "ago": timesince(newest.at, situation.now),
                "why": REASON_TEXTS.get(newest.reason, newest.reason),
            },
            _("Its page says more about the newest twenty."),
        )
    until = endpoint.v1_allowed_until
    if until is not None and until > situation.now:
        yield (
            "webhook_v1",
            Level.NOTE,
            _("The webhook endpoint %(endpoint)s takes V1 signatures until %(time)s.")
            % {"endpoint": endpoint, "time": time_text(until)},
            _("Set its registration to V2, then end this here."),
        )
