"""Takes a delivery in: verify, one row, and nothing else. The work is done later, by a task."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from pandabase_django.api.webhooks.diagnosis import Evidence, diagnose
from pandabase_django.api.webhooks.payload import read_event
from pandabase_django.api.webhooks.signatures import SigningSecret, Version
from pandabase_django.api.webhooks.verification import Reason, Verified, verify
from pandabase_django.database import transaction
from pandabase_django.exceptions import SealError, WebhookRejected
from pandabase_django.models import WebhookDelivery, WebhookEndpoint
from pandabase_django.models.webhooks import ENDPOINT_ID_PATTERN
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.erasures.deliveries import without_erased
from pandabase_django.services.erasures.hashes import hold_off_erasures
from pandabase_django.services.webhooks.doctor import note_refusal

__all__ = ["KEPT_HEADERS", "Receipt", "find_endpoint", "live_secrets", "receive", "refuse"]

logger = get_logger(__name__)

KEPT_HEADERS = ("Webhook-Id", "Webhook-Timestamp", "User-Agent", "Content-Type")
MAX_HEADER_CHARACTERS = 200
SEEN_AT_PRECISION = timedelta(minutes=1)  # so that a busy endpoint's row is not written each time
MAX_OTHER_ENDPOINTS = 5

CURRENT, PREVIOUS = "current", "previous"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery that is safely stored.

    Attributes:
        delivery_id: Of the row of this event at this endpoint.
        to_do: It waits for its work: it came for the first time, or again after it was given up.
    """

    delivery_id: int
    to_do: bool


def receive(
    endpoint_id: str,
    endpoint: WebhookEndpoint | None,
    *,
    body: bytes,
    headers: Mapping[str, str],
    peer: str = "",
    now: datetime | None = None,
) -> Receipt:
    """Verify a delivery and store it once.

    Args:
        endpoint_id: Last part of the address it came to; anything.
        endpoint: What ``find_endpoint`` found there.
        body: The bytes as they arrived.
        headers: By canonical name, in any case when the mapping allows that.
        peer: Address it came from, for the doctor.
        now: For tests; None takes the clock.

    Raises:
        WebhookRejected: It is refused; noted for the doctor, and no row was written.
        SealError: The signing secret can't be opened here; the delivery may well be good.
        django.db.Error: The database failed; the delivery should be sent again.
    """
    now = now or timezone.now()
    with about(store=endpoint.store_id if endpoint else ""):
        secrets: Sequence[SigningSecret] = ()
        try:
            if endpoint is None:
                raise _rejected(Reason.UNKNOWN_ENDPOINT)
            if not endpoint.enabled:
                raise _rejected(Reason.DISABLED)
            secrets = live_secrets(endpoint, now=now)
            if not secrets:
                raise _rejected(Reason.NO_SECRET)
            v1_until = endpoint.v1_allowed_until
            verified = verify(
                body,
                headers=headers,
                secrets=secrets,
                now=now,
                v1_allowed=v1_until is not None and now < v1_until,
            )
        except WebhookRejected as error:
            note_refusal(
                endpoint_id,
                error,
                headers=headers,
                size=len(body),
                peer=peer,
                known=endpoint is not None,
                look_closer=partial(_evidence, endpoint, error.reason, body, headers, secrets),
            )
            raise
        receipt = _store(endpoint, verified, headers=headers, now=now)
        _note_use(endpoint, verified, now=now)
        return receipt


def refuse(
    endpoint_id: str, reason: Reason, *, headers: Mapping[str, str], size: int = 0, peer: str = ""
) -> None:
    """Note a delivery that was refused before its body was complete."""
    endpoint = find_endpoint(endpoint_id)
    known, why = endpoint is not None, _rejected(reason)
    with about(store=endpoint.store_id if endpoint else ""):
        note_refusal(endpoint_id, why, headers=headers, size=size, peer=peer, known=known)


def live_secrets(endpoint: WebhookEndpoint, *, now: datetime) -> list[SigningSecret]:
    """The secrets an endpoint's deliveries may be signed with, newest first."""
    secrets = []
    if endpoint.secret is not None:
        secrets.append(SigningSecret(CURRENT, endpoint.secret))
    until = endpoint.previous_valid_until
    if endpoint.previous_secret is not None and until is not None and now < until:
        secrets.append(SigningSecret(PREVIOUS, endpoint.previous_secret))
    return secrets


def find_endpoint(endpoint_id: str) -> WebhookEndpoint | None:
    """The endpoint at an address; None when there is none."""
    # Checked first: PostgreSQL refuses a NUL with an error of its own.
    if not re.match(ENDPOINT_ID_PATTERN, endpoint_id):
        return None
    return WebhookEndpoint.objects.filter(pk=endpoint_id).first()


def _store(
    endpoint: WebhookEndpoint, verified: Verified, *, headers: Mapping[str, str], now: datetime
) -> Receipt:
    event = read_event(verified.payload)
    if "left_out" in event.kept:
        logger.warning("Of event %s was not kept: %r", verified.event_id, event.kept["left_out"])
    delivery = WebhookDelivery(
        endpoint=endpoint,
        event_id=verified.event_id,
        event=verified.event,
        event_at=event.event_at,
        received_at=now,
        order_id=event.order_id,
        body_sha256=verified.body_sha256,
        headers={
            name: headers[name][:MAX_HEADER_CHARACTERS].replace("\x00", "")
            for name in KEPT_HEADERS
            if headers.get(name)
        },
        version=verified.version.value,
        key_reading=verified.key_reading.value,
        used_previous_secret=verified.secret_name == PREVIOUS,
        next_attempt_at=now,
        enqueued_at=now,
    )
    try:
        with transaction.atomic():
            hold_off_erasures()
            delivery.payload = without_erased(
                endpoint.store_id, event.kept, order_id=event.order_id
            )
            delivery.save(force_insert=True)
    except IntegrityError:
        return _known(endpoint, verified, now=now)
    return Receipt(delivery_id=delivery.pk, to_do=True)


def _known(endpoint: WebhookEndpoint, verified: Verified, *, now: datetime) -> Receipt:
    """The row that is here already; a person is told of another body under its id.

    One that was given up is handled again: somebody had it sent again, since the remote itself
    repeats only what was not answered with 2xx (P-34).
    """
    rows = WebhookDelivery.objects.filter(endpoint=endpoint, event_id=verified.event_id)
    known = rows.values_list("pk", "body_sha256").first()
    if known is None:
        raise _rejected(Reason.UNKNOWN_ENDPOINT)  # it was deleted a moment ago
    pk, digest = known
    if digest != verified.body_sha256:
        rows.update(conflicts=F("conflicts") + 1)
        logger.error(
            "Event %s came again with another body; the first one is kept.", verified.event_id
        )
        return Receipt(delivery_id=pk, to_do=False)
    revived = rows.filter(state=WebhookDelivery.State.DEAD).update(
        state=WebhookDelivery.State.PENDING,
        attempts=0,
        next_attempt_at=now,
        enqueued_at=now,
        finished_at=None,
    )
    return Receipt(delivery_id=pk, to_do=bool(revived))


def _note_use(endpoint: WebhookEndpoint, verified: Verified, *, now: datetime) -> None:
    last = endpoint.last_verified_at
    # V1 has one reading alone, and shows nothing of how V2 signs.
    reading = verified.key_reading.value if verified.version is Version.V2 else endpoint.key_reading
    if last is None or now - last >= SEEN_AT_PRECISION or endpoint.key_reading != reading:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            last_verified_at=now, key_reading=reading
        )


def _evidence(
    endpoint: WebhookEndpoint | None,
    reason: str,
    body: bytes,
    headers: Mapping[str, str],
    secrets: Sequence[SigningSecret],
) -> Evidence:
    if endpoint is None or reason not in (Reason.SIGNATURE.value, Reason.V1_REFUSED.value):
        return Evidence.NONE
    others = WebhookEndpoint.objects.filter(store_id=endpoint.store_id).exclude(pk=endpoint.pk)
    of_others = [
        SigningSecret(other.pk, other.secret)
        for other in others[:MAX_OTHER_ENDPOINTS]
        if other.secret is not None
    ]
    try:
        return diagnose(body, headers=headers, secrets=secrets, of_others=of_others)
    except SealError:
        return Evidence.NONE


def _rejected(reason: Reason) -> WebhookRejected:
    return WebhookRejected(f"Refused: {reason.value}.", reason=reason.value)
