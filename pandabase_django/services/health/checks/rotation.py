"""What of the rotations needs a person's attention; see ``services.health.report``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import RotationAttempt
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.rotation.policy import in_vain
from pandabase_django.services.rotation.spool import waiting_in_spool
from pandabase_django.services.rotation.transitions import State
from pandabase_django.services.tokens.holding import is_foreign

__all__ = ["rotations_are_settled", "spool_is_empty"]

UNFINISHED_AFTER = timedelta(minutes=10)


def rotations_are_settled(situation: Situation) -> Iterator[Finding]:
    """Rotations that are watched, held or lost, that hang, or that their policy can't do."""
    for attempt in situation.open_rotations:
        waits = attempt.token.store_id in situation.held_back or is_foreign(attempt.token)
        # The deployment's finding says why. With an answer that is not installed, the store's
        # secret may be refused: that needs a person, wherever it is.
        if waits and attempt.state not in RotationAttempt.HAS_A_REPLY:
            continue
        found = _of_open(attempt, situation)
        if found is not None:
            code, level, sentence, fix = found
            yield _finding(attempt, code, level, sentence, fix)
    for store_id, attempt in situation.newest_by_policy.items():
        waits = store_id in situation.held_back
        if not waits and not attempt.is_open and in_vain(attempt):
            yield _finding(
                attempt,
                "rotation_due_failed",
                Level.WARNING,
                _("A secret of %(store)s is due by its age and could not be rotated: %(why)s"),
                _("Correct what it names; it is tried again daily."),
            )


def spool_is_empty(situation: Situation) -> Iterator[Finding]:
    """Answers that wait in this machine's folder for the database."""
    try:
        count = waiting_in_spool()
    except (ConfigurationError, OSError):
        return  # the system checks report it
    if count:
        yield Finding(
            code="rotation_spool",
            level=Level.ERROR,
            sentence=ngettext(
                "The answer of %(count)d rotation waits in %(folder)s.",
                "The answers of %(count)d rotations wait in %(folder)s.",
                count,
            )
            % {"count": count, "folder": conf.rotation_spool},
            fix=_(
                "The next task takes it up. If it stays, the worker's log says why; don't delete "
                "it, it may hold the only copy of a secret."
            ),
        )


def _of_open(attempt: RotationAttempt, situation: Situation) -> tuple[str, Level, str, str] | None:
    if attempt.state == State.LOST:
        return (
            "rotation_lost",
            Level.ERROR,
            _("The new secret of %(token)s is lost: %(why)s"),
            _("Roll the secret in the Pandabase dashboard and install it."),
        )
    if attempt.state == State.HELD:
        return (
            "rotation_held",
            Level.ERROR,
            _("The answer of a rotation of %(token)s is kept and not understood: %(why)s"),
            _("Choose a text of it, or install a secret from the Pandabase dashboard."),
        )
    if attempt.state == State.WATCHING:
        return (
            "rotation_watching",
            Level.WARNING,
            _("It is not known yet whether the secret of %(token)s was rotated: %(why)s"),
            _("Wait, or install a secret from the Pandabase dashboard."),
        )
    if situation.now - attempt.prepared_at > UNFINISHED_AFTER:
        return (
            "rotation_unfinished",
            Level.WARNING,
            _("A rotation of %(token)s does not get on."),
            _("See that a worker and beat run; the next look at open rotations goes on with it."),
        )
    return None


def _finding(attempt: RotationAttempt, code: str, level: Level, sentence: str, fix: str) -> Finding:
    return Finding(
        code=code,
        level=level,
        sentence=sentence
        % {"token": attempt.token, "store": attempt.token.store, "why": attempt.outcome},
        fix=fix,
        url_name="pandabase_rotationattempt_change",
        url_args=(str(attempt.pk),),
        store_id=attempt.token.store_id,
    )
