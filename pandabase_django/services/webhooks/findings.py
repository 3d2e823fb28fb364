"""What of the webhooks needs a person's attention; see ``pandabase_django.services.health``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Q
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.models import WebhookDelivery, WebhookEndpoint
from pandabase_django.services.findings import Finding, Level, Situation
from pandabase_django.services.webhooks.doctor import REASON_TEXTS, read_refusals

__all__ = ["deliveries_are_worked_off", "endpoints_are_well"]

WAITING_TOO_LONG = timedelta(minutes=10)
TOLD_FOR = timedelta(days=7)

State = WebhookDelivery.State


def endpoints_are_well(situation: Situation) -> Iterator[Finding]:
    """Refused deliveries, registrations that differ, and signatures of the old kind."""
    stores = [store.pk for store in situation.stores]
    for endpoint in WebhookEndpoint.objects.filter(store__in=stores, enabled=True):
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
    """Dead letters, deliveries that nobody works on, and ids that came with two bodies."""
    recently = situation.now - TOLD_FOR
    late = situation.now - WAITING_TOO_LONG
    counted = (
        WebhookDelivery.objects.filter(
            Q(state=State.DEAD) | Q(state=State.PENDING) | Q(received_at__gt=recently),
            endpoint__store__in=[store.pk for store in situation.stores],
        )
        .values("endpoint__store_id")
        .annotate(
            dead=Count("pk", filter=Q(state=State.DEAD)),
            waiting=Count("pk", filter=Q(state=State.PENDING, next_attempt_at__lt=late)),
            conflicts=Count("pk", filter=Q(conflicts__gt=0, received_at__gt=recently)),
        )
        .order_by("endpoint__store_id")
    )
    for row in counted:
        for code, level, number, sentence, fix in (
            (
                "webhook_dead_letters",
                Level.ERROR,
                row["dead"],
                ngettext(
                    "%(number)s webhook delivery of %(store)s was given up.",
                    "%(number)s webhook deliveries of %(store)s were given up.",
                    row["dead"],
                ),
                _("Mend what its error tells of, then replay it."),
            ),
            (
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
            (
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
        ):
            if number:
                yield Finding(
                    code=code,
                    level=level,
                    sentence=sentence % {"number": number, "store": row["endpoint__store_id"]},
                    fix=fix,
                    url_name="pandabase_webhookdelivery_changelist",
                    store_id=row["endpoint__store_id"],
                )


def _of_endpoint(
    endpoint: WebhookEndpoint, situation: Situation
) -> Iterator[tuple[str, Level, str, str]]:
    if endpoint.secret is None:
        yield (
            "webhook_no_secret",
            Level.WARNING,
            _("The webhook endpoint %(endpoint)s has no signing secret and refuses everything.")
            % {"endpoint": endpoint},
            _("Register it at Pandabase, or paste its signing secret."),
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
            _("If it stays so, compare it with Pandabase: its page tells what was registered."),
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
    refusals = read_refusals(endpoint.pk)
    good = endpoint.last_verified_at
    # A refusal that good deliveries have come after is a forgery, or was mended.
    if refusals.last and (good is None or refusals.last[0].at > good + timedelta(minutes=1)):
        newest = refusals.last[0]
        yield (
            "webhook_refused",
            Level.WARNING,
            _("The webhook endpoint %(endpoint)s last refused a delivery %(ago)s ago: %(why)s")
            % {
                "endpoint": endpoint,
                "ago": timesince(newest.at, situation.now),
                "why": REASON_TEXTS.get(newest.reason, newest.reason),
            },
            _("Its page tells more on the newest twenty."),
        )
    until = endpoint.v1_allowed_until
    if until is not None and until > situation.now:
        yield (
            "webhook_v1",
            Level.NOTE,
            _("The webhook endpoint %(endpoint)s takes V1 signatures until %(time)s.")
            % {"endpoint": endpoint, "time": date_format(localtime(until), "DATETIME_FORMAT")},
            _("Set its registration to V2, then end this here."),
        )
