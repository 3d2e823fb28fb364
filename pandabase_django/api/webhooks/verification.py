"""Proves where a delivery came from, on its raw bytes, before anything else looks at it.

Whatever is malformed, stale or forged is a ``WebhookRejected``. The signature over the body alone
(``X-Pandabase-Signature``) never proves anything: it would replay for ever. Signatures are compared
in their encoded form, so that base64's spare bits can't make a second spelling of one, and in
constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

from pandabase_django.api.webhooks.signatures import KeyReading, SigningSecret, Version, signatures
from pandabase_django.api.wire.decoding import decode
from pandabase_django.exceptions import ProtocolError, WebhookRejected

__all__ = [
    "EVENT_ID",
    "MAX_BODY_BYTES",
    "READ_SECONDS",
    "TOLERANCE",
    "Reason",
    "Verified",
    "verify",
]

MAX_BODY_BYTES = 256 * 1024
READ_SECONDS = 15.0  # the remote waits no longer for an answer (P-34)
TOLERANCE = timedelta(minutes=5)  # P-31
MAX_SIGNATURES = 16

# No dot: ``id.time.body`` must be readable in one way only.
EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_V1_ID = re.compile(r"[A-Za-z0-9_/-]{0,256}")
_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_V1_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_EVENT = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_V2_PREFIX = "v1,"


class Reason(str, Enum):
    """Why a delivery was refused, in one word for logs and counters."""

    UNKNOWN_ENDPOINT = "unknown-endpoint"
    DISABLED = "disabled"
    NO_SECRET = "no-secret"  # noqa: S105  a word, not a secret
    TOO_LARGE = "too-large"
    INCOMPLETE = "incomplete"
    MISSING_HEADER = "missing-header"
    MALFORMED_HEADER = "malformed-header"
    V1_REFUSED = "v1-refused"
    SIGNATURE = "signature"
    STALE = "stale"
    EARLY = "early"
    MALFORMED_BODY = "malformed-body"


@dataclass(frozen=True, slots=True)
class Verified:
    """A delivery that somebody with the secret has sent within the last minutes.

    Attributes:
        event_id: What to deduplicate on: the payload's id, which both modes sign.
        event: Name of the event.
        version: Mode of the signature.
        key_reading: How the secret became the key.
        secret_name: Which secret matched.
        sent_at: The signed time.
        payload: The JSON object, storable in every database.
        body_sha256: Of the raw body, in hex.
    """

    event_id: str
    event: str
    version: Version
    key_reading: KeyReading
    secret_name: str
    sent_at: datetime
    payload: dict[str, Any] = field(repr=False)
    body_sha256: str


def verify(
    body: bytes,
    *,
    headers: Mapping[str, str],
    secrets: Sequence[SigningSecret],
    now: datetime,
    v1_allowed: bool = False,
) -> Verified:
    """Accept a delivery, or say why not.

    Args:
        body: The bytes as they arrived.
        headers: By ``Webhook-Id``, ``Webhook-Timestamp`` and ``Webhook-Signature``.
        secrets: Live ones.
        now: Aware.
        v1_allowed: Take V1 signatures too.

    Raises:
        WebhookRejected: With a ``reason``; when the time is out of bounds, with ``skew_seconds``
            (positive: it was sent before our now).
    """
    identifier, stamp, signature = _headers(headers)
    version = _version_of(signature)
    if version is Version.V1 and not v1_allowed:
        raise _rejected(Reason.V1_REFUSED, "V1 signatures are not accepted here.", version)
    if version is Version.V2 and not EVENT_ID.fullmatch(identifier):
        raise _rejected(Reason.MALFORMED_HEADER, "Webhook-Id has characters it may not.", version)
    if not _TIMESTAMP.fullmatch(stamp):
        raise _rejected(Reason.MALFORMED_HEADER, "Webhook-Timestamp is not a number.", version)
    given = _given(signature, version)
    match = next(
        (
            (name, reading)
            for name, reading, expected in signatures(
                body, version=version, identifier=identifier, stamp=stamp, secrets=secrets
            )
            if _any_equal(given, expected)
        ),
        None,
    )
    if match is None:
        raise _rejected(Reason.SIGNATURE, "No signature fits.", version)
    sent_at = _sent_at(stamp, version=version, now=now)
    event_id, event, payload = _read(body, identifier=identifier, version=version)
    return Verified(
        event_id=event_id,
        event=event,
        version=version,
        key_reading=match[1],
        secret_name=match[0],
        sent_at=sent_at,
        payload=payload,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )


def _headers(headers: Mapping[str, str]) -> tuple[str, str, str]:
    values = [headers.get(n, "") for n in ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")]
    identifier, stamp, signature = values
    if not all(values):
        raise _rejected(Reason.MISSING_HEADER, "A Webhook-… header is missing.")
    if not (EVENT_ID.fullmatch(identifier) or _V1_ID.fullmatch(identifier)):
        raise _rejected(Reason.MALFORMED_HEADER, "Webhook-Id has characters it may not.")
    return identifier, stamp, signature


def _version_of(signature: str) -> Version:
    if any(entry.startswith(_V2_PREFIX) for entry in signature.split(" ")):
        return Version.V2
    if _V1_SIGNATURE.fullmatch(signature):
        return Version.V1
    raise _rejected(Reason.MALFORMED_HEADER, "Webhook-Signature has neither form.")


def _given(signature: str, version: Version) -> list[bytes]:
    """The signatures of a header; entries of other schemes are not ours to judge (P-31)."""
    if version is Version.V1:
        return [signature.encode()]
    entries = signature.split(" ")
    if len(entries) > MAX_SIGNATURES:
        raise _rejected(Reason.MALFORMED_HEADER, "Webhook-Signature has too many entries.", version)
    return [
        entry.removeprefix(_V2_PREFIX).encode(errors="replace")
        for entry in entries
        if entry.startswith(_V2_PREFIX)
    ]


def _any_equal(given: list[bytes], expected: bytes) -> bool:
    found = False
    for signature in given:
        found |= hmac.compare_digest(signature, expected)
    return found


def _sent_at(stamp: str, *, version: Version, now: datetime) -> datetime:
    milliseconds = int(stamp) * (1 if version is Version.V1 else 1000)
    skew_seconds = now.timestamp() - milliseconds / 1000
    if abs(skew_seconds) > TOLERANCE.total_seconds():
        late = skew_seconds > 0
        raise _rejected(
            Reason.STALE if late else Reason.EARLY,
            "The signed time is too far {}.".format("back" if late else "ahead"),
            version,
            skew_seconds=round(skew_seconds, 1),
        )
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)


def _read(body: bytes, *, identifier: str, version: Version) -> tuple[str, str, dict[str, Any]]:
    try:
        payload = decode(body).data
    except ProtocolError:
        raise _rejected(Reason.MALFORMED_BODY, "The body is not JSON.", version) from None
    if not isinstance(payload, dict):
        raise _rejected(Reason.MALFORMED_BODY, "The body is not an object.", version)
    # V1 does not sign its header's id, and a store may send the same event in both modes.
    event_id = payload.get("id")
    if event_id is None and version is Version.V2:
        event_id = identifier
    event = payload.get("event")
    if not isinstance(event_id, str) or not EVENT_ID.fullmatch(event_id):
        raise _rejected(Reason.MALFORMED_BODY, "The body has no usable id.", version)
    if not isinstance(event, str) or not _EVENT.fullmatch(event):
        raise _rejected(Reason.MALFORMED_BODY, "The body names no event.", version)
    return event_id, event, payload


def _rejected(
    reason: Reason,
    message: str,
    version: Version | None = None,
    *,
    skew_seconds: float | None = None,
) -> WebhookRejected:
    return WebhookRejected(
        message,
        reason=reason.value,
        version=version.value if version else "",
        skew_seconds=skew_seconds,
    )
