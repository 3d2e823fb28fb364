"""Why deliveries were refused: counts by reason, and the last twenty by their headers alone.

No body and no signature is kept, and no row for each refusal: ``refusals`` has one for each
endpoint. A flood costs little: after a few dozen refusals at once a process writes one each two
seconds, and only counts the rest.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.api.webhooks.diagnosis import Evidence
from pandabase_django.api.webhooks.verification import Reason
from pandabase_django.exceptions import WebhookRejected, interruptions
from pandabase_django.models.webhooks import ENDPOINT_ID_PATTERN
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.webhooks.refusals import (
    UNKNOWN,
    Refusal,
    Refusals,
    forget_refusals,
    keep,
    read_refusals,
)

__all__ = [
    "EVIDENCE_TEXTS",
    "REASON_TEXTS",
    "UNKNOWN",
    "Refusal",
    "Refusals",
    "forget_refusals",
    "note_refusal",
    "read_refusals",
]

logger = get_logger(__name__)

NOTES_PER_SECOND = 0.5
NOTES_AT_ONCE = 40.0

REASON_TEXTS: Mapping[str, Promise] = {
    Reason.UNKNOWN_ENDPOINT.value: _("There is no endpoint at this address."),
    Reason.DISABLED.value: _("The endpoint is disabled."),
    Reason.NO_SECRET.value: _("The endpoint has no signing secret yet."),
    Reason.TOO_LARGE.value: _("The body is larger than 256 KiB."),
    Reason.INCOMPLETE.value: _("The body did not arrive completely."),
    Reason.MISSING_HEADER.value: _("A Webhook-Id, -Timestamp or -Signature header is missing."),
    Reason.MALFORMED_HEADER.value: _("A header is malformed."),
    Reason.V1_REFUSED.value: _("It is signed with V1, and the endpoint takes only V2."),
    Reason.SIGNATURE.value: _("The signature does not fit."),
    Reason.STALE.value: _("It was signed too long ago: a replay, or a wrong clock."),
    Reason.EARLY.value: _("It was signed in the future: one of the clocks is wrong."),
    Reason.MALFORMED_BODY.value: _("The signature fits, but the body is no webhook."),
}
EVIDENCE_TEXTS: Mapping[str, Promise] = {
    Evidence.V1_FITS.value: _("The signature itself is right."),
    Evidence.OTHER_ENDPOINT.value: _(
        "The signature fits the secret of another endpoint of this store: the secrets are swapped."
    ),
    Evidence.BODY_REENCODED.value: _(
        "The body was altered on the way: its JSON was written again by a proxy or a middleware."
    ),
    Evidence.HEADERS_ALTERED.value: _(
        "The secret is right and the body intact; the Webhook headers were altered on the way."
    ),
    Evidence.SECRET_OR_BODY.value: _(
        "Either the secret is wrong or the body was altered: neither of two signatures fits."
    ),
    Evidence.NOTHING_FITS.value: _(
        "A wrong secret, an altered body or a forgery: they can't be distinguished."
    ),
}

_HEADERS = ("Webhook-Id", "Webhook-Timestamp", "User-Agent", "Content-Type", "Content-Length")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_MAX_HEADER_CHARACTERS = 120


class _Budget:
    """Lets a process write so many notes a second, and counts what it lets pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens = NOTES_AT_ONCE
        self._at = time.monotonic()
        self._counted: Counter[tuple[str, str]] = Counter()

    def take(self, place: str, reason: str) -> Counter[tuple[str, str]] | None:
        """Count a refusal; all that were counted when they may be written now, else None."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(NOTES_AT_ONCE, self._tokens + (now - self._at) * NOTES_PER_SECOND)
            self._at = now
            self._counted[place, reason] += 1
            if self._tokens < 1:
                return None
            self._tokens -= 1
            counted, self._counted = self._counted, Counter()
            return counted

    def give_back(self, counted: Counter[tuple[str, str]]) -> None:
        """They could not be written: the next that is written includes them."""
        with self._lock:
            self._counted.update(counted)


_budget = _Budget()
# Whoever floods made-up addresses must not hide what endpoints refuse.
_strangers_budget = _Budget()


def note_refusal(
    endpoint_id: str,
    error: WebhookRejected,
    *,
    headers: Mapping[str, str],
    size: int,
    peer: str = "",
    known: bool = False,
    look_closer: Callable[[], Evidence] = lambda: Evidence.NONE,
) -> None:
    """Log a refusal and keep it for the doctor's page. Never fails.

    Args:
        endpoint_id: Last part of the address it came to.
        error: Why.
        headers: Of the request.
        size: Bytes of the body that were read.
        peer: Address it came from.
        known: There is such an endpoint.
        look_closer: Finds evidence; called only when the refusal is kept.
    """
    place = endpoint_id if known else UNKNOWN
    shown = endpoint_id if re.match(ENDPOINT_ID_PATTERN, endpoint_id) else "?"
    logger.warning("Webhook delivery to …%s refused: %s.", shown[-6:], error.reason)
    budget = _budget if known else _strangers_budget
    counted = budget.take(place, error.reason)
    if counted is None:
        return
    try:
        refusal = Refusal(
            at=timezone.now(),
            reason=error.reason,
            evidence=look_closer().value,
            version=error.version,
            skew_seconds=error.skew_seconds,
            size=size,
            peer=_UNPRINTABLE.sub("?", peer)[:64],
            signature=_shape(headers.get("Webhook-Signature", "")),
            headers={
                name: _UNPRINTABLE.sub("?", headers[name])[:_MAX_HEADER_CHARACTERS]
                for name in _HEADERS
                if headers.get(name)
            },
        )
        keep(place, refusal, counted)
    except interruptions():
        raise
    except Exception as error:  # noqa: BLE001
        # A database that fails must not turn a refusal into an error page. Without a traceback,
        # whose local variables some log handlers show: headers and secrets are among them.
        budget.give_back(counted)
        logger.warning("A refused delivery could not be noted (%s).", type(error).__name__)


def _shape(signature: str) -> str:
    """The scheme of each entry, and nothing of the signature itself."""
    if not signature:
        return ""
    if re.fullmatch(r"[0-9a-fA-F]{64}", signature):
        return "64 hex"
    schemes = (
        entry.partition(",")[0] if re.match(r"v[0-9a-z]{1,3},", entry) else "?"
        for entry in signature.split(" ")
    )
    return " ".join(schemes)[:60]
