"""What this deployment must not send: one finding for all that waits because of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from pandabase_django.conf import conf
from pandabase_django.exceptions import OtherEnvironment
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.tokens.holding import advice_to_confirm, refuse_foreign

__all__ = ["deployment_may_send"]


def deployment_may_send(situation: Situation) -> Iterator[Finding]:
    """That it only reads; and tokens of another environment."""
    if conf.read_only:
        yield Finding(
            code="read_only",
            level=Level.NOTE,
            sentence=_(
                "READ_ONLY is set in PANDABASE: nothing is changed at Pandabase. Rotations, "
                "registrations, actions, usage and checkouts wait, or are refused."
            ),
        )
    for token in situation.foreign:
        try:
            refuse_foreign(token)
        except OtherEnvironment as error:
            yield Finding(
                code="token_other_environment",
                level=Level.WARNING if token.is_active else Level.NOTE,
                sentence=f"{token.store}: {error}",
                fix=advice_to_confirm(),
                url_name="pandabase_apitoken_change",
                url_args=(str(token.pk),),
                store_id=token.store_id,
            )
