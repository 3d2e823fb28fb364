"""Finds out what became of an action whose answer got lost: by reading, never by sending again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api.client import Client
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import RemoteAction
from pandabase_django.services.actions.asking import checked_reason
from pandabase_django.services.actions.kinds import Kind, Reading, Shown, refused
from pandabase_django.services.actions.transitions import (
    SettledBy,
    State,
    advance,
    close,
    kept_words,
)
from pandabase_django.services.sync.due.causes import LAG_AT_MOST
from pandabase_django.services.tokens.clients import client_for

__all__ = ["by_hand_from", "look", "settle_by_hand", "settleable_by_hand"]

# What could not be read for so long beyond its time is left to a person.
GIVE_UP_READING = timedelta(hours=24)

_BY_AGE = (
    (timedelta(minutes=2), timedelta(seconds=15)),
    (timedelta(minutes=10), timedelta(minutes=1)),
)
_LATER = timedelta(minutes=5)


def look(action: RemoteAction, *, kind: Kind, now: datetime | None = None) -> None:
    """Look once at the remote for what was sent, and settle it if that shows enough."""
    now = now or timezone.now()
    watch_until = action.watch_until or now
    if kind.look is None:
        text = _("Nothing at Pandabase shows whether this was executed.")
        _end_unknown(action, text, now=now)
        return
    try:
        reading = _read(action, kind.look)
    except (PandabaseError, ConfigurationError) as error:
        if now >= watch_until + GIVE_UP_READING:
            why = kept_words(action, str(error))
            text = _("Pandabase could not be read: %(why)s") % {"why": why}
            _end_unknown(action, text, now=now)
        else:
            advance(
                action,
                expected=RemoteAction.UNDECIDED,
                looked_at=now,
                next_attempt_at=now + _wait(action, now),
            )
        return
    _judge(action, reading, kind=kind, now=now, over=now >= watch_until)


def settle_by_hand(action: RemoteAction, *, kind: Kind, happened: bool, reason: str) -> bool:
    """Take a person's word for what became of an action.

    "Not executed" is followed by asking again, so it is taken only when Pandabase, read anew, does
    not show that it was executed: a dashboard may lag as well.

    Args:
        action: One of which it is not known.
        kind: Its kind.
        happened: Whether it was executed.
        reason: How the person knows.

    Returns:
        Whether it was settled so; not when somebody was faster, nor when Pandabase shows that it
        was executed: then that settles it.

    Raises:
        ActionRefused: The reason is missing or too long, or Pandabase could not be read.
    """
    reason = checked_reason(reason)
    if not settleable_by_hand(action):
        return False
    if not happened and _is_shown_done(action, kind):
        return False
    return close(
        action,
        State.DONE if happened else State.REFUSED,
        reason,
        expected=RemoteAction.UNDECIDED,
        closed=True,
        by=SettledBy.PERSON,
        now=timezone.now(),
    )


def by_hand_from(action: RemoteAction) -> datetime | None:
    """From when on a person may say what became of an action; None when it was not sent.

    Before that, it may still be executed, and what a person sees may be older.
    """
    return None if action.sent_at is None else action.sent_at + LAG_AT_MOST


def settleable_by_hand(action: RemoteAction, *, now: datetime | None = None) -> bool:
    """Whether a person may say what became of an action."""
    since = by_hand_from(action)
    undecided = action.state in RemoteAction.UNDECIDED
    return undecided and since is not None and (now or timezone.now()) > since


def _is_shown_done(action: RemoteAction, kind: Kind) -> bool:
    """Whether Pandabase shows now that it was executed; then it is settled."""
    if kind.look is None:
        return False
    try:
        reading = _read(action, kind.look)
    except (PandabaseError, ConfigurationError) as error:
        if not action.is_open:
            return False  # it was tried for long enough: nobody but a person is left to ask
        text = _("Pandabase could not be read: %(why)s")
        raise refused("unread", text % {"why": kept_words(action, str(error))}) from None
    if reading.shown is not Shown.DONE:
        return False
    _close_as_shown(action, reading, now=timezone.now())
    return True


def _read(action: RemoteAction, look_with: Callable[[Client, RemoteAction], Reading]) -> Reading:
    with client_for(action.store, hurried=True) as client:
        return look_with(client, action)


def _judge(
    action: RemoteAction, reading: Reading, *, kind: Kind, now: datetime, over: bool
) -> None:
    is_done = reading.shown is Shown.DONE
    if is_done and not over and kind.can_be_undone and _follows_another(action, now):
        # Such as ACTIVE of a resumed one: a replica shows so what was there before its pause.
        is_done = False
    if is_done:
        _close_as_shown(action, reading, now=now)
    elif reading.shown is Shown.NEVER or (reading.shown is Shown.NOT_YET and over):
        said = reading.words or _("Long after it was sent, Pandabase shows nothing of it.")
        close(
            action,
            State.REFUSED,
            " ".join(filter(None, (said, action.outcome))),
            expected=RemoteAction.UNDECIDED,
            by=SettledBy.READING,
            now=now,
            looked_at=now,
        )
    elif over:
        said = reading.words or _("What Pandabase shows would be the same either way.")
        _end_unknown(action, said, now=now)
    else:
        advance(
            action,
            expected=RemoteAction.UNDECIDED,
            looked_at=now,
            next_attempt_at=now + _wait(action, now),
        )


def _close_as_shown(action: RemoteAction, reading: Reading, *, now: datetime) -> None:
    close(
        action,
        State.DONE,
        reading.words or _("Its answer was lost. Pandabase shows that it was executed."),
        expected=RemoteAction.UNDECIDED,
        closed=True,
        by=SettledBy.READING,
        now=now,
        looked_at=now,
        result_id=reading.result_id[:128],
    )


def _end_unknown(action: RemoteAction, text: str, *, now: datetime) -> None:
    close(
        action,
        State.UNKNOWN,
        " ".join(filter(None, (text, action.outcome))),
        expected=RemoteAction.UNDECIDED,
        by=SettledBy.TIME,
        now=now,
        looked_at=now,
    )


def _follows_another(action: RemoteAction, now: datetime) -> bool:
    """Whether another action of the same object was done just before."""
    others = RemoteAction.objects.filter(store=action.store_id, object_id=action.object_id)
    lately = others.filter(state=State.DONE, closed_at__gt=now - LAG_AT_MOST)
    return lately.exclude(pk=action.pk).exists()


def _wait(action: RemoteAction, now: datetime) -> timedelta:
    age = now - (action.sent_at or now)
    return next((wait for until, wait in _BY_AGE if age < until), _LATER)
