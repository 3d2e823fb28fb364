"""Says in sentences what a closing found, for pages, files and terminals."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from pandabase_django.models.sync import Resource
from pandabase_django.services.books.closing import Closing
from pandabase_django.services.books.material import Reason
from pandabase_django.services.books.ties import Difference
from pandabase_django.texts.amounts import money_text

__all__ = ["advice_texts", "difference_text", "reason_text", "state_text", "summary_text"]


def state_text(closing: Closing) -> str:
    """The result in a word."""
    return {
        "EQUAL": pgettext("books", "Equal"),
        "DIFFERENT": pgettext("books", "Different"),
        "INCOMPLETE": pgettext("books", "Incomplete"),
    }[closing.state]


def summary_text(closing: Closing) -> str:
    """The result in a sentence."""
    count = len(closing.differences)
    if count:
        return ngettext(
            "%(count)d difference was found.", "%(count)d differences were found.", count
        ) % {"count": count}
    if closing.reasons:
        return _("Nothing was found wrong, but not everything that is needed is here.")
    return _("The balance adds up, and every entry belongs to what was sold or paid out.")


def difference_text(difference: Difference) -> str:
    """What is wrong, with what was expected and what was found."""
    values = {
        "entry": difference.entry_id,
        "kind": _kind(difference.kind),
        "object": difference.object_id,
        "expected": _either(money_text(e, difference.currency) for e in difference.expected),
        "found": money_text(difference.found, difference.currency),
    }
    return _SENTENCES[difference.code]() % values


def advice_texts(closing: Closing) -> list[str]:
    """What to do about the differences, each advice once."""
    codes = dict.fromkeys(difference.code for difference in closing.differences)
    return list(dict.fromkeys(_ADVICE[code]() for code in codes))


def reason_text(reason: Reason) -> str:
    """Why a month can't be said to be equal."""
    values = {
        "resource": _resource(reason.resource),
        "at": f"{reason.at:%Y-%m-%d %H:%M} UTC" if reason.at else "",
        "count": reason.count,
    }
    if reason.code == "not detailed":
        return (
            ngettext(
                "The details of %(count)d order were never read.",
                "The details of %(count)d orders were never read.",
                reason.count,
            )
            % values
        )
    if reason.code == "undated":
        sentence = ngettext(
            "%(resource)s: the time of %(count)d row can't be read: %(ids)s.",
            "%(resource)s: the times of %(count)d rows can't be read: %(ids)s.",
            reason.count,
        )
        more = ["…"] if reason.count > len(reason.ids) else []
        return sentence % {**values, "ids": ", ".join([*reason.ids, *more])}
    return _REASONS[reason.code]() % values


_SENTENCES = {
    "balance": lambda: _("Entry %(entry)s: the balance must be %(expected)s and is %(found)s."),
    "unreadable": lambda: _("Entry %(entry)s: its amount or balance can't be read."),
    "amount": lambda: _(
        "Entry %(entry)s: for %(kind)s %(object)s the amount must be %(expected)s and is %(found)s."
    ),
    "twice": lambda: _("Entry %(entry)s: %(kind)s %(object)s was booked already."),
    "no order": lambda: _("Entry %(entry)s: there is no order of %(kind)s %(object)s."),
    "no refund": lambda: _("Entry %(entry)s: %(kind)s %(object)s has no refund."),
    "no dispute": lambda: _("Entry %(entry)s: %(kind)s %(object)s has no such dispute."),
    "no payout": lambda: _("Entry %(entry)s: there is no payout %(object)s."),
    "no entry": lambda: _("No entry: %(kind)s %(object)s must be in the ledger with %(expected)s."),
}
_ADVICE = {
    "balance": lambda: _(
        "A balance is wrong: look for an entry that is missing before it. Read the whole ledger "
        "(pandabase_sync --resource ledger --full), then open this page again."
    ),
    "unreadable": lambda: _("An entry can't be read: the payload on its page shows what arrived."),
    "amount": lambda: _("An amount is wrong: compare the payment with the Pandabase dashboard."),
    "twice": lambda: _("Two entries for one thing: ask Pandabase."),
    "no order": lambda: _(
        "An order is not here: read all orders (pandabase_sync --resource orders --full). An order "
        "of another shop's store is none of yours."
    ),
    "no refund": lambda: _(
        "A refund is not here: read all refunds (pandabase_sync --resource refunds --full)."
    ),
    "no dispute": lambda: _(
        "A dispute is not here: read all disputes (pandabase_sync --resource disputes --full)."
    ),
    "no payout": lambda: _(
        "A payout is not here: read all payouts (pandabase_sync --resource payouts --full)."
    ),
    "no entry": lambda: _("The ledger lacks an entry: ask Pandabase, with the id."),
}
_REASONS = {
    "not over": lambda: _("The month is not over in UTC."),
    "never read": lambda: _("%(resource)s: never read. Sync them."),
    "closed": lambda: _("%(resource)s: the list refuses this token; last looked at %(at)s."),
    "too old": lambda: _("%(resource)s: last read at %(at)s, which is too early. Sync them."),
    "in part": lambda: _("%(resource)s: the last sync ended in part. See its run."),
    "unread": lambda: _("%(resource)s: not read to the end yet. The next syncs go on."),
}


def _either(texts: Iterable[str]) -> str:
    """Such as "1.00 USD or 2.00 USD"."""
    between = pgettext("books", "or")
    return f" {between} ".join(texts)


def _kind(kind: str) -> str:
    return {
        "order": pgettext("books", "order"),
        "payment": pgettext("books", "payment"),
        "payout": pgettext("books", "payout"),
        "refund": pgettext("books", "refund"),
        "dispute": pgettext("books", "dispute"),
    }.get(kind, kind)


def _resource(name: str) -> str:
    return str(Resource(name).label) if name else ""
