"""What a purchase is, in sentences for a person: what differs, what it means, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pandabase_django.models import Purchase
from pandabase_django.services.purchases.judgement import NAMING
from pandabase_django.services.purchases.queue import uncalled
from pandabase_django.texts.amounts import money_text
from pandabase_django.texts.times import near_time_text

__all__ = ["VerdictText", "difference_texts", "explain", "handing_text", "is_undecided"]

Verdict = Purchase.Verdict
Fact = Purchase.Fact

SENTENCES: Mapping[str, Promise] = {
    "other_session": gettext_lazy(
        "Its number is that of the checkout %(found)s, and its metadata is that of %(expected)s."
    ),
    "other_number": gettext_lazy(
        "It was paid through the checkout %(found)s, which this shop did not open. Its metadata is "
        "a copy of that of %(expected)s."
    ),
    "already_paid": gettext_lazy("The order %(found)s has paid for this checkout before."),
    "currency": gettext_lazy("It is in %(found)s, and the checkout is in %(expected)s."),
    "line_missing": gettext_lazy("Asked for: %(expected)s. Paid: %(found)s."),
    "line_extra": gettext_lazy("Paid: %(found)s. Asked for: %(expected)s."),
    "line_price": gettext_lazy(
        "The price of one piece was %(found)s, and the checkout asks for %(expected)s."
    ),
    "discount": gettext_lazy(
        "The discount is %(found)s. It can't be negative or more than the lines."
    ),
    "discount_without_code": gettext_lazy("%(found)s was taken off, without a coupon."),
    "discount_above_limit": gettext_lazy(
        "The coupon took off %(found)s, and the checkout allows %(expected)s."
    ),
    "paid_less": gettext_lazy("Paid was %(found)s, and due was %(expected)s."),
}
"""By the code of a difference."""

AMOUNTS = ("discount", "discount_without_code", "discount_above_limit", "paid_less")
# The price in a line's name, in brackets or behind a colon; or a number that is a whole sum.
_PRICE = re.compile(r"(?<=\()-?\d+(?=\)$)|(?<=: )-?\d+$|(?<=: ≥ )-?\d+$")
_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True)
class VerdictText:
    """What a verdict means, in sentences for a person.

    Attributes:
        headline: The verdict in one line.
        means: What was handed out, or was not.
        next_step: What to do; what happens by itself when nothing has to be done.
        tone: Of the verdict's badge.
    """

    headline: str
    means: str
    next_step: str
    tone: str


def is_undecided(purchase: Purchase) -> bool:
    """Whether a person has to decide: something else was paid, and the money is still here."""
    order = purchase.order
    return (
        purchase.verdict == Verdict.MISMATCH
        and order is not None
        and order.status == "COMPLETED"
        and order.gone_at is None
    )


def difference_texts(purchase: Purchase) -> list[str]:
    """What the order says otherwise than its checkout, a sentence for each."""
    names = {
        str(item["product_id"]): str(item["name"])
        for item in purchase.session.items
        if item.get("product_id") and item.get("name")
    }
    return [
        _sentence(found, purchase.session.currency, names)
        for found in purchase.differences
        if found.get("code")
    ]


def _sentence(found: Mapping[str, Any], currency: str, names: Mapping[str, str]) -> str:
    code = str(found["code"])
    values = {
        side: _readable(str(found.get(side, "")), code, currency, names) or _("nothing")
        for side in ("expected", "found")
    }
    return str(SENTENCES.get(code, f"{code}: %(expected)s / %(found)s")) % values


def _readable(text: str, code: str, currency: str, names: Mapping[str, str]) -> str:
    """With amounts instead of minor units, and with the names of products that were asked for."""

    def amount(match: re.Match[str]) -> str:
        return money_text(int(match.group()), currency)

    if code in AMOUNTS:
        return _NUMBER.sub(amount, text)
    if code.startswith("line_"):
        text = _PRICE.sub(amount, text)
        for product_id, name in names.items():
            text = text.replace(product_id, f"{name} ({product_id})")
    return text


def explain(purchase: Purchase) -> VerdictText:
    """The sentences for a purchase as it is now."""
    if purchase.verdict == Verdict.MISMATCH:
        return _mismatch(purchase)
    if purchase.verdict == Verdict.WAITING:
        return VerdictText(
            _("Not paid yet."),
            _("The order names the checkout. Nothing was handed out."),
            _("Nothing: it is judged again whenever it changes."),
            "busy",
        )
    if purchase.verdict == Verdict.RENEWAL:
        return VerdictText(
            _("The subscription was paid for again."),
            _("It was sold by the checkout's first order. Nothing further is handed out."),
            _("Nothing."),
            "good",
        )
    accepted = purchase.verdict == Verdict.ACCEPTED
    means, next_step = _handing(purchase)
    headline = _("Accepted by hand.") if accepted else _("Paid as asked.")
    return VerdictText(headline, means, next_step, "warn" if accepted else "good")


def _mismatch(purchase: Purchase) -> VerdictText:
    headline = _("The order did not pay for what the checkout asks.")
    means = _("Nothing was handed out, and the order belongs to no user.")
    if not is_undecided(purchase):
        return VerdictText(headline, means, _("Nothing: the order is not paid any more."), "quiet")
    codes = {found.get("code") for found in purchase.differences}
    if codes & set(NAMING):
        next_step = _(
            "Refund the order on its page. Whoever paid it is not known to be the checkout's "
            "user, and can have the payment charged back. The checkout's user can still pay."
        )
    elif "already_paid" in codes:
        next_step = _(
            "Refund this order on its page, unless the buyer meant to buy twice: then accept it, "
            "and it is handed out once more."
        )
    else:
        next_step = _(
            "Refund the order on its page. Or accept it, when what was paid is enough for you: "
            "then it is handed out."
        )
    return VerdictText(headline, means, next_step, "bad")


def handing_text(purchase: Purchase) -> tuple[str, str]:
    """What became of its handlers, for a badge: the text and its tone; "" when nothing did."""
    if purchase.state == Purchase.State.DEAD:
        return _("Given up"), "bad"
    if purchase.state == Purchase.State.PENDING:
        if not purchase.last_error:
            return _("Waits for a worker"), "busy"
        if purchase.next_attempt_at is None:
            return _("Failing"), "bad"
        when = {"time": near_time_text(purchase.next_attempt_at)}
        return _("Failing, next try %(time)s") % when, "bad"
    if purchase.last_fact and not _was_handled(purchase):
        return _("No handler"), "quiet"
    return {
        Fact.PAID.value: (_("Handed out"), "good"),
        Fact.REVERSED.value: (_("Taken back"), "warn"),
        Fact.RESTORED.value: (_("Handed out again"), "good"),
    }.get(purchase.last_fact, ("", "quiet"))


def _was_handled(purchase: Purchase) -> bool:
    """Whether any handler was called; those of today's code may be others."""
    return any(fact.handled.all() for fact in purchase.facts.all())


def _handing(purchase: Purchase) -> tuple[str, str]:
    """What its handlers did, and what is to be done."""
    if purchase.state == Purchase.State.DEAD:
        return (
            _("Its handlers failed until they were given up. The last error is below."),
            _("Correct what the error names. Then use “Call again now”."),
        )
    if purchase.state == Purchase.State.PENDING and purchase.last_error:
        return (
            _("A handler failed. The last error is below."),
            _(
                "Correct what the error names. The handler is called again by itself, or at once "
                "by “Call again now”."
            ),
        )
    if purchase.state == Purchase.State.PENDING:
        return (
            _("A worker is to call its handlers."),
            _("Nothing. If it takes longer than a minute, see that a worker and beat run."),
        )
    if uncalled(purchase):
        return (
            _("There is a handler that was not called for it: it was added or renamed since."),
            _("Nothing, unless that handler has something to do: then use “Call again now”."),
        )
    if purchase.last_fact and not _was_handled(purchase):
        return (
            _("No code of this project was called for the purpose “%(purpose)s”.")
            % {"purpose": purchase.purpose},
            _(
                "Nothing, unless something is to be handed out: then add a handler with @on_paid "
                "before the next sale."
            ),
        )
    if purchase.last_fact == Fact.REVERSED:
        means = _("It was refunded or charged back, and the handlers were called for that.")
    elif purchase.standing == Purchase.Standing.REVERSED:
        means = _("It was refunded or charged back before anything was handed out.")
    else:
        means = _("All handlers were called, and none failed.")
    return means, _("Nothing.")
