"""Says in sentences what a closing found, for pages, files and terminals."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from pandabase_django.models.sync import Resource
from pandabase_django.services.books.closing import Closing
from pandabase_django.services.books.material import Reason
from pandabase_django.services.books.ties import Difference
from pandabase_django.texts.amounts import money_text

__all__ = ["difference_text", "reason_text", "state_text", "summary_text"]


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
        "expected": " / ".join(money_text(e, difference.currency) for e in difference.expected),
        "found": money_text(difference.found, difference.currency),
    }
    return _SENTENCES[difference.code]() % values


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
_REASONS = {
    "not over": lambda: _("The month is not over in UTC."),
    "never read": lambda: _("%(resource)s: never read. Sync them."),
    "closed": lambda: _("%(resource)s: the list refuses this token; last looked at %(at)s."),
    "too old": lambda: _("%(resource)s: last read at %(at)s, which is too early. Sync them."),
    "in part": lambda: _("%(resource)s: the last sync ended in part. See its run."),
    "unread": lambda: _("%(resource)s: not read to the end yet. The next syncs go on."),
}


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
