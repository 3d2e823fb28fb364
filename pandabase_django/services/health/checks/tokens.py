"""What of the tokens needs a person's attention; see ``pandabase_django.services.health.report``.

A refused token is one finding: its sentence names what fails because of it, and nothing else does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from pandabase_django.models import ApiToken, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.freshness import freshness
from pandabase_django.services.tokens.holding import is_foreign
from pandabase_django.services.tokens.refusals import TOKEN_WORDS

__all__ = ["follows_from_token", "tokens_are_well"]


def tokens_are_well(situation: Situation) -> Iterator[Finding]:
    """Refused credentials, and stores that nothing can call."""
    # A rotation that needs a secret reports its token itself.
    reported = {row.token_id for row in situation.open_rotations if row.needs_a_secret}
    consequences = _Consequences(situation)
    for token in situation.tokens:
        if is_foreign(token):
            continue  # nothing is asked with it
        if token.health == ApiToken.Health.SUSPECT and token.pk not in reported:
            active = token.is_active
            sentence = _("Pandabase refused the token %(token)s: %(why)s") % {
                "token": token,
                "why": token.health_reason,
            }
            yield Finding(
                code="token_suspect",
                level=Level.ERROR if active else Level.WARNING,
                sentence=_with_consequences(sentence, token.store_id, consequences)
                if active
                else sentence,
                fix=_("Test its connection; if it fails, install a new secret."),
                url_name="pandabase_apitoken_change",
                url_args=(str(token.pk),),
                store_id=token.store_id,
            )
        elif token.health == ApiToken.Health.FAILED:
            yield Finding(
                code="token_test_failed",
                level=Level.WARNING,
                sentence=_("The last test of the token %(token)s failed: %(why)s")
                % {"token": token, "why": token.health_reason},
                fix=_("Look at its connection report, then test it again."),
                url_name="pandabase_apitoken_change",
                url_args=(str(token.pk),),
                store_id=token.store_id,
            )
    for store in situation.enabled.values():
        if store.pk not in situation.active_tokens:
            sentence = _("The store %(store)s has no active token.") % {"store": store}
            if store.pk in situation.elsewhere:
                why = _("It has a token of another environment, so nothing is done for it here.")
                sentence = f"{sentence} {why}"
            yield Finding(
                code="no_active_token",
                level=Level.ERROR,
                sentence=_with_consequences(sentence, store.pk, consequences),
                fix=_("Add a token, or make one of its tokens active."),
                url_name="pandabase_apitoken_add",
                store_id=store.pk,
            )


def follows_from_token(run: SyncRun, situation: Situation) -> bool:
    """Whether a run failed because no token works, which the token's finding reports."""
    return (
        run.state == SyncRun.State.FAILED
        and run.store_id in situation.uncallable
        and any(words in run.error for words in TOKEN_WORDS)
    )


class _Consequences:
    """What follows from tokens that do not work, as names of resources by store."""

    def __init__(self, situation: Situation) -> None:
        self.failed: dict[str, list[str]] = defaultdict(list)
        self.stale: dict[str, list[str]] = defaultdict(list)
        if not situation.uncallable:
            return
        for run in situation.latest_runs.values():
            if follows_from_token(run, situation):
                self.failed[run.store_id].append(str(run.get_resource_display()))
        for item in freshness(situation):
            if item.stale and item.store_id in situation.uncallable:
                self.stale[item.store_id].append(str(Resource(item.resource).label))


def _with_consequences(sentence: str, store_id: str, consequences: _Consequences) -> str:
    failed, stale = consequences.failed[store_id], consequences.stale[store_id]
    # Pandabase's own words may end without a full stop.
    followed = (failed or stale) and not sentence.endswith(".")
    sentences = [f"{sentence}." if followed else sentence]
    if failed:
        names = get_text_list(sorted(failed), _("and"))
        sentences.append(_("Because of that these syncs failed: %(names)s.") % {"names": names})
    if stale:
        names = get_text_list(sorted(stale), _("and"))
        sentences.append(_("Out of date: %(names)s.") % {"names": names})
    return " ".join(sentences)
