"""What a rotation's state means to a person, and what each way to rotate does."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from pandabase_django.admin.base.display import Explanation
from pandabase_django.models import RotationAttempt
from pandabase_django.services.rotation import Way
from pandabase_django.texts.times import time_text

__all__ = ["TONES", "WayText", "describe", "explain"]

State = RotationAttempt.State

TONES = {
    State.PREPARED: "busy",
    State.SENT: "busy",
    State.JOURNALED: "busy",
    State.VERIFIED: "busy",
    State.DONE: "good",
    State.FAILED_SAFE: "warn",
    State.WATCHING: "bad",
    State.HELD: "bad",
    State.LOST: "bad",
}


def explain(attempt: RotationAttempt) -> Explanation:
    """The sentences for an attempt as it is now."""
    explanation = _EXPLANATIONS[State(attempt.state)](attempt)
    if attempt.is_open or attempt.state in (State.DONE, State.FAILED_SAFE):
        return explanation
    return Explanation(
        explanation.headline,
        explanation.happened,
        _("This was so until %(time)s. Then the rotation was closed.")
        % {"time": time_text(attempt.closed_at)},
        _("Nothing. The token's page shows which secret it has now."),
    )


def _prepared(attempt: RotationAttempt) -> Explanation:
    if attempt.phase:
        return Explanation(
            _("A worker has it. Nothing has been sent to Pandabase yet."),
            _("Before it rolls the secret, it lets running syncs reach a checkpoint."),
            _("The secret is unchanged and works."),
            _("Nothing: it goes on by itself, also when a sync takes too long."),
        )
    return Explanation(
        _("Recorded. Nothing has been sent to Pandabase yet."),
        _("The rotation waits for a worker."),
        _("The secret is unchanged and works."),
        _(
            "Nothing: this page follows it. If no worker takes it, see that one is running and "
            "hand it over again. It is sent once, however often it is handed over, and not at all "
            "if no worker takes it within an hour."
        ),
    )


def _sent(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("Sent. The answer has not arrived yet."),
        _("The one request that rolls the secret left at %(time)s.")
        % {"time": time_text(attempt.sent_at)},
        _("Until the answer is kept, nobody knows whether the secret stored here still works."),
        _(
            "Nothing: this takes seconds. If the worker was killed just now, the next look at open "
            "rotations finds out what became of it."
        ),
    )


def _journaled(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("The answer is kept, sealed. The new secret is being tried."),
        _("Pandabase answered at %(time)s, and the answer was stored before anybody read it.")
        % {"time": time_text(attempt.journaled_at)},
        _(
            "The old secret is refused now. The new one is on this machine and can't be lost "
            "any more."
        ),
        _("Nothing: a worker goes on with it, the next one if this one was killed."),
    )


def _verified(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("The new secret works. It is being stored."),
        _("A signed request with the new secret was accepted."),
        _("The old secret is refused now. Workers get the new one in a moment."),
        _("Nothing: a worker finishes it."),
    )


def _done(attempt: RotationAttempt) -> Explanation:
    if attempt.trigger == RotationAttempt.Trigger.INSTALL:
        happened = _("A secret rolled in the Pandabase dashboard was tried and stored here.")
    else:
        happened = _("Pandabase rolled the secret. The new one was tried and stored.")
    active = attempt.token.is_active
    return Explanation(
        _("Done. The token has secret version %(version)s.") % {"version": attempt.to_version},
        happened,
        _("Every worker uses the new secret; the old one is refused by Pandabase from now on."),
        _(
            "Nothing here. Whatever else used the old secret, outside this project, has to be "
            "given another token: no page shows the new secret."
        )
        if active
        else _("Nothing here. The token is a standby; make it active when you need it."),
    )


def _failed_safe(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("Not rotated. The old secret works."),
        attempt.outcome or _("The secret was not rolled."),
        _("Nothing has changed: the token goes on with the secret it had."),
        _(
            "Fix what is named above and start again, or let another token of the store sign. If "
            "Pandabase does not let a token roll secrets at all, roll it in the Pandabase "
            "dashboard and install it here."
        ),
    )


def _watching(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("Sent, and no answer came. It is being watched."),
        attempt.outcome
        or _("The request left at %(time)s and its answer did not arrive.")
        % {"time": time_text(attempt.sent_at)},
        _(
            "The old secret works as long as Pandabase has not executed the request. It may still "
            "do so: the old secret is tried until %(time)s. If it is refused, the new secret is "
            "lost; if it works until then, nothing has changed."
        )
        % {"time": time_text(attempt.watch_until)},
        _(
            "Wait. If you can't: roll the secret in the Pandabase dashboard and install it here, "
            "which ends this in any case."
        ),
    )


def _held(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("The answer is kept, but no secret in it works."),
        attempt.outcome
        or _("Pandabase answered in a form that is not known. The answer is kept, sealed."),
        _(
            "The old secret may be refused: calls with this token fail until another one is "
            "installed."
        ),
        _(
            "Try a text of the kept answer below, none of which is shown; or roll the secret in "
            "the Pandabase dashboard and install it here."
        ),
    )


def _lost(attempt: RotationAttempt) -> Explanation:
    return Explanation(
        _("Lost. Nobody can read the new secret."),
        attempt.outcome
        or _("Pandabase has replaced the secret, and its answer did not reach this machine."),
        _("Pandabase refuses the old secret: every call with this token fails."),
        _(
            "Roll the secret in the Pandabase dashboard, which shows the new one once, and install "
            "it here. Waiting does not help."
        ),
    )


_EXPLANATIONS = {
    State.PREPARED: _prepared,
    State.SENT: _sent,
    State.JOURNALED: _journaled,
    State.VERIFIED: _verified,
    State.DONE: _done,
    State.FAILED_SAFE: _failed_safe,
    State.WATCHING: _watching,
    State.HELD: _held,
    State.LOST: _lost,
}


@dataclass(frozen=True, slots=True)
class WayText:
    """A way to rotate as its page shows it.

    Attributes:
        key: Names it in the form.
        label: What it does, in one line.
        explanation: What it means for whoever calls with its tokens.
        folded: Shown below the better ones.
    """

    key: str
    label: str
    explanation: str
    folded: bool


def describe(way: Way) -> WayText:
    """The texts of a way to rotate."""
    return WayText(way.key, _label(way), _explanation(way), way.folded)


def _label(way: Way) -> str:
    names = {"token": way.token.name, "signer": way.signer.name}
    if way.flip:
        return _("Pair rotation: roll %(token)s, then make it the active token") % names
    if way.token == way.signer:
        return _("Roll %(token)s, signed by itself") % names
    return _("Roll %(token)s, signed by %(signer)s") % names


def _explanation(way: Way) -> str:
    names = {"token": way.token.name, "signer": way.signer.name}
    if way.flip:
        return (
            _(
                "No call is refused: %(signer)s serves until the new secret of %(token)s "
                "is verified with every permission in use, then they change roles. A lost answer "
                "costs the standby, never the shop. %(signer)s keeps the secret it has: if that "
                "one has leaked, roll %(signer)s right afterwards, when it is the standby."
            )
            % names
        )
    if way.token == way.signer:
        return _(
            "If the answer is lost, nobody can read the new secret, and one has to be rolled "
            "in the Pandabase dashboard and installed here."
        )
    return _("If the answer is lost, %(signer)s can roll %(token)s once more.") % names
