"""What an action's state means to a person."""

from __future__ import annotations

from django.utils.translation import gettext as _

from pandabase_django.admin.base.display import Explanation
from pandabase_django.models import RemoteAction
from pandabase_django.services.actions.sending import SEND_WITHIN
from pandabase_django.services.actions.settling import by_hand_from
from pandabase_django.services.tokens.holding import held_back
from pandabase_django.texts.times import time_text

__all__ = ["TONES", "explain", "who_asked"]

State = RemoteAction.State
What = RemoteAction.What
SettledBy = RemoteAction.SettledBy

TONES = {
    State.PREPARED: "busy",
    State.SENT: "busy",
    State.DONE: "good",
    State.REFUSED: "warn",
    State.UNKNOWN: "bad",
}


def explain(action: RemoteAction) -> Explanation:
    """The sentences for an action as it is now."""
    return _EXPLANATIONS[State(action.state)](action)


def who_asked(action: RemoteAction) -> str:
    """The user who asked for an action, or what else did."""
    if action.asked_by is not None:
        return str(action.asked_by)
    return _("a deleted user") if action.had_user else _("Code")


def _prepared(action: RemoteAction) -> Explanation:
    held = held_back(action.store_id)
    if held is not None:
        happened = held.message
        step = _(
            "Nothing: it waits, and is not tried. An hour after it was asked for, it is not sent "
            "any more."
        )
    elif action.tries or action.outcome:
        happened = _("Pandabase could not take it yet, and has surely not executed it: %(why)s") % {
            "why": action.outcome
        }
        step = _("Nothing: it is tried again, until %(time)s at the latest.") % {
            "time": time_text(action.asked_at + SEND_WITHIN)
        }
    else:
        happened = _("The action waits for a worker.")
        step = _(
            "Nothing: this page follows it. If no worker takes it, see that one is running. It is "
            "sent once, and not at all if no worker takes it within an hour."
        )
    return Explanation(
        _("Recorded. Pandabase has not done it yet."),
        happened,
        _("At Pandabase nothing has changed."),
        step,
    )


def _sent(action: RemoteAction) -> Explanation:
    return Explanation(
        _("Sent. The answer has not arrived yet."),
        _("The one request left at %(time)s.") % {"time": time_text(action.sent_at)},
        _("It may be executed by now. Until the answer is here, nobody knows."),
        _(
            "Nothing: this takes seconds. If the worker was killed just now, Pandabase is read to "
            "find out what became of it. It is never sent again."
        ),
    )


def _done(action: RemoteAction) -> Explanation:
    settled = {
        SettledBy.ANSWER: _("Pandabase has executed it and said so."),
        SettledBy.PERSON: _("A person has said that it was executed: %(why)s")
        % {"why": action.outcome},
    }
    happened = settled.get(
        SettledBy(action.settled_by or SettledBy.ANSWER),
        _("Its answer was lost. Pandabase was read, and shows that it was executed."),
    )
    return Explanation(_("Done."), happened, _meaning_of_done(action), _rows_step(action))


def _refused(action: RemoteAction) -> Explanation:
    happened = action.outcome or _("Pandabase refused it.")
    if action.settled_by == SettledBy.PERSON:
        happened = _("A person has said that it was not executed: %(why)s") % {"why": happened}
    return Explanation(
        _("Not done."),
        happened,
        _("Nothing has changed by it at Pandabase."),
        _("Correct what is named above and ask again, or do it in the Pandabase dashboard."),
    )


def _unknown(action: RemoteAction) -> Explanation:
    if action.is_open:
        return Explanation(
            _("Sent, and no answer came that says what became of it."),
            action.outcome
            or _("The request left at %(time)s.") % {"time": time_text(action.sent_at)},
            _("It may have been executed, or be executed still. It is never sent again."),
            _(
                "Wait: Pandabase is read until %(time)s, and as soon as it shows what became of "
                "it, so does this page. From %(from)s on, you can say below what you see in the "
                "Pandabase dashboard."
            )
            % {"time": time_text(action.watch_until), "from": time_text(by_hand_from(action))},
        )
    if action.what == What.RETRY_FULFILMENT:
        step = _("You can ask for it again: deliveries that come twice are handled once.")
    else:
        step = _(
            "Look at the object in the Pandabase dashboard, and say below what you see. Then ask "
            "again if it was not done."
        )
    return Explanation(
        _("Nobody knows whether it was executed."),
        action.outcome,
        _("Reading Pandabase did not settle it, and goes on no longer."),
        step,
    )


def _meaning_of_done(action: RemoteAction) -> str:
    meanings = {
        What.REFUND: _(
            "The customer gets the money back. A refund can be under way for some days; its own "
            "page shows it."
        ),
        What.RETRY_FULFILMENT: _("Pandabase sends what fulfils the order anew."),
        What.EVIDENCE: _("The dispute is under review. Evidence can't be submitted again."),
        What.CANCEL: _("Nothing more is charged. The subscription's page shows when access ends.")
        if not action.parameters.get("immediate")
        else _("Nothing more is charged, access has ended, and open usage is not billed."),
        What.PAUSE: _("Nothing is charged until it is resumed. Access stays."),
        What.RESUME: _("It is charged again, from the next charge on."),
        What.REACTIVATE: _("The cancellation is taken back: it is charged again."),
        What.CHANGE_PLAN: _(
            "What costs more is charged now, in proportion. What costs less comes with the next "
            "renewal."
        )
        if action.parameters.get("proration_behavior") != "END_OF_PERIOD"
        else _("The change comes with the next renewal."),
    }
    return meanings[What(action.what)]


def _rows_step(action: RemoteAction) -> str:
    if action.next_attempt_at is not None:
        return _("Nothing: the copy here is being read again.")
    if action.rows_read_at is None:
        return _("Nothing: the copy here could not be read again; the next sync does it.")
    return _("Nothing. The copy here was read again at %(time)s.") % {
        "time": time_text(action.rows_read_at)
    }


_EXPLANATIONS = {
    State.PREPARED: _prepared,
    State.SENT: _sent,
    State.DONE: _done,
    State.REFUSED: _refused,
    State.UNKNOWN: _unknown,
}
