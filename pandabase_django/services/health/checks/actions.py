"""What of the actions after a sale needs a person's attention."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from pandabase_django.models import RemoteAction
from pandabase_django.services.health.findings import Finding, Level, Situation

__all__ = ["actions_are_settled"]

UNFINISHED_AFTER = timedelta(minutes=10)
REPORTED_FOR = timedelta(days=7)
MOST_FINDINGS = 20

State = RemoteAction.State


def actions_are_settled(situation: Situation) -> Iterator[Finding]:
    """Actions of which nobody knows whether they were executed, that hang, or were not done.

    What a person asked for and Pandabase refused, that person has read; what the shop's own code
    asked for is reported for a week.
    """
    late = situation.now - UNFINISHED_AFTER
    hang = Q(state__in=[State.PREPARED, State.SENT], closed_at=None, asked_at__lt=late)
    hang &= ~situation.rows(of=situation.held_back)  # the deployment's finding says why they wait
    unread = Q(
        state=State.REFUSED,
        had_user=False,
        asked_at__gt=situation.now - REPORTED_FOR,
    )
    rows = RemoteAction.objects.filter(situation.rows(), Q(state=State.UNKNOWN) | hang | unread)
    for action in rows.order_by("asked_at")[:MOST_FINDINGS]:
        yield _finding(action)


def _finding(action: RemoteAction) -> Finding:
    if action.state == State.UNKNOWN:
        code, level = "action_unknown", Level.WARNING
        if action.is_open:
            sentence = _("Whether it was executed is not known yet: %(action)s, of %(object)s.")
            fix = _("Wait: Pandabase is read until it is clear. Nothing is sent twice.")
        else:
            sentence = _("Nobody knows whether it was executed: %(action)s, of %(object)s.")
            fix = _("Look at the Pandabase dashboard, and say on its page what you see there.")
            level = Level.ERROR
    elif action.state == State.REFUSED:
        code, level = "action_refused", Level.WARNING
        sentence = _("Your code asked for it, and it was not done: %(action)s, of %(object)s.")
        fix = _("Its page shows why.")
    else:
        code, level = "action_unfinished", Level.WARNING
        sentence = _("It does not get on: %(action)s, of %(object)s.")
        fix = _("See that a worker and beat run; what was sent is looked for, not sent again.")
    return Finding(
        code=code,
        level=level,
        sentence=sentence % {"action": action, "object": action.object_id},
        fix=fix,
        url_name="pandabase_remoteaction_change",
        url_args=(str(action.pk),),
        store_id=action.store_id,
    )
