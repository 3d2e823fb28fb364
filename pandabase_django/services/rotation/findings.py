"""Which rotations need a person; see ``pandabase_django.services.health``."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from pandabase_django.models import RotationAttempt
from pandabase_django.services.findings import Finding, Level, Situation

__all__ = ["rotations_need_nobody"]

State = RotationAttempt.State


def rotations_need_nobody(situation: Situation) -> Iterator[Finding]:
    """Open rotations whose new secret is unknown, held or lost."""
    told = {
        State.WATCHING: (
            Level.WARNING,
            _("It is not known yet whether the secret of %(token)s was rolled."),
            _("Its page tells what is watched, and until when."),
        ),
        State.HELD: (
            Level.ERROR,
            _("The reply that holds the new secret of %(token)s was kept but not understood."),
            _("Install the secret from the kept reply."),
        ),
        State.LOST: (
            Level.ERROR,
            _("The secret of %(token)s was rolled, and nobody has the new one."),
            _("Roll it in the Pandabase dashboard and install that secret."),
        ),
    }
    for attempt in situation.open_rotations:
        if attempt.state in told:
            level, sentence, fix = told[State(attempt.state)]
            yield Finding(
                code=f"rotation_{attempt.state.lower()}",
                level=level,
                sentence=sentence % {"token": attempt.token},
                fix=fix,
                url_name="pandabase_rotationattempt_change",
                url_args=(str(attempt.pk),),
                store_id=attempt.token.store_id,
            )
