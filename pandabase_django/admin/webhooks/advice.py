"""What to do about refused deliveries: one piece of advice for each reason that was met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import duration
from pandabase_django.api.webhooks.verification import Reason
from pandabase_django.services.webhooks.doctor import (
    EVIDENCE_TEXTS,
    REASON_TEXTS,
    Refusal,
    Refusals,
)

__all__ = ["Advice", "advise"]

CLOCK_SPREAD_SECONDS = 30.0  # late by the same amount: a clock; late by any: replays or a queue
MIN_TO_COMPARE = 3

FIXES: Mapping[str, Promise] = {
    Reason.UNKNOWN_ENDPOINT.value: _(
        "Compare the URL that is registered at Pandabase with the receiving address on the "
        "endpoint's page. Strangers who try addresses are counted here as well; nothing they send "
        "is kept."
    ),
    Reason.DISABLED.value: _(
        "Enable the endpoint, or delete it at Pandabase, so that nothing is sent there."
    ),
    Reason.NO_SECRET.value: _(
        "Paste the signing secret on the endpoint's page, or register the endpoint from there."
    ),
    Reason.TOO_LARGE.value: _(
        "Deliveries of Pandabase have some kilobytes: this was somebody else. Nothing to fix."
    ),
    Reason.INCOMPLETE.value: _(
        "The sender hung up or was too slow. A proxy in front that reads whole requests first, as "
        "nginx does, keeps slow senders away from the application."
    ),
    Reason.MISSING_HEADER.value: _(
        "Let every proxy in front pass on all headers whose names begin with Webhook. "
        "X-Pandabase-Signature alone never counts, since it would allow replays for ever."
    ),
    Reason.MALFORMED_HEADER.value: _(
        "Something in front of the application rewrites headers, or it was somebody else."
    ),
    Reason.V1_REFUSED.value: _(
        "Set the endpoint to V2 at Pandabase. Until that is done, allow V1 up to a date on the "
        "endpoint's page."
    ),
    Reason.SIGNATURE.value: _(
        "If it began with a new secret: paste that secret again, whole, or replace it. If the "
        "secret is right: look for a proxy, firewall or middleware that changes the body. The "
        "signature covers its bytes, so even another order of keys or a space breaks it."
    ),
    Reason.STALE.value: _(
        "Let this server's clock be set by NTP. A good delivery is at most five minutes old; "
        "Pandabase signs each of its attempts again."
    ),
    Reason.EARLY.value: _("Let this server's clock be set by NTP: it is slow."),
    Reason.MALFORMED_BODY.value: _(
        "The secret's owner sent something that is no event. If it was Pandabase, please tell the "
        "maintainers of this package."
    ),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One reason why deliveries are refused.

    Attributes:
        reason: See ``REASON_TEXTS``.
        count: How often it was met.
        meaning: The reason in a sentence.
        findings: What else the newest refusals show, in sentences.
        fix: What to do.
    """

    reason: str
    count: int
    meaning: str
    findings: tuple[str, ...]
    fix: str


def advise(refusals: Refusals) -> list[Advice]:
    """Advice for every reason, the most frequent first."""
    counts = Counter(refusals.counts)
    for reason in {refusal.reason for refusal in refusals.last} - set(counts):
        counts[reason] = sum(refusal.reason == reason for refusal in refusals.last)
    return [
        Advice(
            reason=reason,
            count=count,
            meaning=str(REASON_TEXTS.get(reason, reason)),
            findings=tuple(_findings([r for r in refusals.last if r.reason == reason])),
            fix=str(FIXES.get(reason, "")),
        )
        for reason, count in counts.most_common()
    ]


def _findings(refused: Sequence[Refusal]) -> list[str]:
    found = []
    for evidence, count in Counter(r.evidence for r in refused if r.evidence).most_common():
        text = str(EVIDENCE_TEXTS.get(evidence, evidence))
        found.append(gettext("%(count)d of the newest: %(text)s") % {"count": count, "text": text})
    skews = [r.skew_seconds for r in refused if r.skew_seconds is not None]
    if skews:
        found.append(_of_clock(skews))
    return found


def _of_clock(skews: Sequence[float]) -> str:
    """Tell a clock from replays by whether all are late by the same amount."""
    middle = median(skews)
    amount = {"amount": duration(abs(middle))}
    if middle < 0:
        text = gettext("The signed time is %(amount)s ahead of this server's clock.") % amount
    else:
        text = gettext("The signed time is %(amount)s behind this server's clock.") % amount
    if len(skews) < MIN_TO_COMPARE:
        return text
    if max(skews) - min(skews) <= CLOCK_SPREAD_SECONDS:
        return text + " " + gettext("It is always about that much: one of the clocks is wrong.")
    least, most = duration(min(map(abs, skews))), duration(max(map(abs, skews)))
    return (
        text
        + " "
        + gettext(
            "It varies from %(least)s to %(most)s: rather old deliveries sent again than a clock."
        )
        % {"least": least, "most": most}
    )
