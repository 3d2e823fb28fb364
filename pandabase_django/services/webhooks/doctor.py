"""Why deliveries were refused, kept in Django's cache: a refusal must leave no row.

For each endpoint there are counts by reason and the last twenty refusals, by their headers alone:
no body and no signature. Addresses that are no endpoint share one place. A flood costs little: a
process writes a bounded number of refusals a second, and only counts the rest.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core.cache import BaseCache, caches
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.api.webhook_diagnosis import Evidence
from pandabase_django.api.webhooks import Reason
from pandabase_django.conf import conf
from pandabase_django.exceptions import WebhookRejected
from pandabase_django.models.webhook import ENDPOINT_ID_PATTERN

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

logger = logging.getLogger(__name__)

UNKNOWN = "unknown"  # where refusals at addresses that are no endpoint are kept
KEPT = 20
KEPT_SECONDS = 30 * 86_400
NOTES_PER_SECOND = 10.0
NOTES_AT_ONCE = 40.0
PREFIX = "pandabase:webhook:refused:"

REASON_TEXTS: Mapping[str, Promise] = {
    Reason.UNKNOWN_ENDPOINT.value: _("There is no endpoint at this address."),
    Reason.DISABLED.value: _("The endpoint is disabled."),
    Reason.NO_SECRET.value: _("The endpoint has no signing secret yet."),
    Reason.TOO_LARGE.value: _("The body is larger than 256 KiB."),
    Reason.INCOMPLETE.value: _("The body did not arrive completely."),
    Reason.MISSING_HEADER.value: _("A Webhook-Id, -Timestamp or -Signature header is missing."),
    Reason.MALFORMED_HEADER.value: _("A header is malformed."),
    Reason.V1_REFUSED.value: _("It is signed with V1, and the endpoint takes V2 alone."),
    Reason.SIGNATURE.value: _("The signature does not fit."),
    Reason.STALE.value: _("It was signed too long ago: a replay, or a clock that goes wrong."),
    Reason.EARLY.value: _("It was signed in the future: one of the clocks goes wrong."),
    Reason.MALFORMED_BODY.value: _("The signature fits, but the body is no webhook."),
}
EVIDENCE_TEXTS: Mapping[str, Promise] = {
    Evidence.V1_FITS.value: _("The signature itself is right."),
    Evidence.OTHER_ENDPOINT.value: _(
        "The signature fits the secret of another endpoint of this store: the secrets are swapped."
    ),
    Evidence.BODY_REENCODED.value: _(
        "The body was altered on the way: its JSON was written anew by a proxy or a middleware."
    ),
    Evidence.HEADERS_ALTERED.value: _(
        "The secret is right and the body intact; the Webhook headers were altered on the way."
    ),
    Evidence.SECRET_OR_BODY.value: _(
        "Either the secret is wrong or the body was altered: neither of two signatures fits."
    ),
    Evidence.NOTHING_FITS.value: _(
        "A wrong secret, an altered body or a forgery: nothing tells them apart."
    ),
}

_HEADERS = ("Webhook-Id", "Webhook-Timestamp", "User-Agent", "Content-Type", "Content-Length")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_MAX_HEADER_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused delivery.

    Attributes:
        at: When.
        reason: See ``REASON_TEXTS``.
        evidence: See ``EVIDENCE_TEXTS``; "" when there is none.
        version: ``V1``, ``V2`` or "".
        skew_seconds: How far its signed time lies behind ours; None when that was in bounds.
        size: Bytes of the body that were read.
        peer: Address it came from.
        signature: What the signature header looked like, never the signature.
        headers: Some of the others, shortened.
    """

    at: datetime
    reason: str
    evidence: str
    version: str
    skew_seconds: float | None
    size: int
    peer: str
    signature: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusals:
    """What is known of one endpoint's refused deliveries.

    Attributes:
        counts: By reason; those of processes that have not told yet may be missing.
        last: The newest twenty, newest first.
    """

    counts: dict[str, int]
    last: tuple[Refusal, ...]

    @property
    def total(self) -> int:
        """All refusals that are counted."""
        return sum(self.counts.values())


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


_budget = _Budget()
_strangers_budget = (
    _Budget()
)  # whoever floods made-up addresses must not hide what endpoints refuse


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
    counted = (_budget if known else _strangers_budget).take(place, error.reason)
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
            peer=peer[:64],
            signature=_shape(headers.get("Webhook-Signature", "")),
            headers={
                name: _UNPRINTABLE.sub("?", headers[name])[:_MAX_HEADER_CHARACTERS]
                for name in _HEADERS
                if headers.get(name)
            },
        )
        _write(_cache(), place, refusal, counted)
    except Exception as error:  # noqa: BLE001
        # A cache that is down must not turn a refusal into an error page. Without a traceback,
        # whose local variables some log handlers show: headers and secrets are among them.
        logger.warning("A refused delivery could not be noted (%s).", type(error).__name__)


def read_refusals(endpoint_id: str = UNKNOWN) -> Refusals:
    """What is known of an endpoint's refused deliveries, or of those to no endpoint at all."""
    cache = _cache()
    found = cache.get_many([_count_key(endpoint_id, reason.value) for reason in Reason])
    counts = {
        reason.value: int(found[key])
        for reason in Reason
        if (key := _count_key(endpoint_id, reason.value)) in found
    }
    return Refusals(
        counts=counts,
        last=tuple(Refusal(**entry) for entry in cache.get(_list_key(endpoint_id), ())),
    )


def forget_refusals(endpoint_id: str = UNKNOWN) -> None:
    """Begin anew, after a cause was mended."""
    keys = [_count_key(endpoint_id, reason.value) for reason in Reason]
    _cache().delete_many([*keys, _list_key(endpoint_id)])


def _write(
    cache: BaseCache, place: str, refusal: Refusal, counted: Counter[tuple[str, str]]
) -> None:
    for (where, reason), number in counted.items():
        key = _count_key(where, reason)
        cache.add(key, 0, timeout=KEPT_SECONDS)
        cache.incr(key, number)
    # Two processes may overwrite each other's newest entry here; the counts stay right.
    last = cache.get(_list_key(place), [])
    entries: list[dict[str, Any]] = [asdict(refusal), *last][:KEPT]
    cache.set(_list_key(place), entries, timeout=KEPT_SECONDS)


def _cache() -> BaseCache:
    return caches[conf.webhook_cache]


def _count_key(place: str, reason: str) -> str:
    return f"{PREFIX}{place}:{reason}"


def _list_key(place: str) -> str:
    return f"{PREFIX}{place}:last"


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
