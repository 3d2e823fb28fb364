"""How each store is, as the overview shows it: its token, its freshness, what is under way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib import admin
from django.http import HttpRequest

from pandabase_django.admin.base.display import health_tone
from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.live import LiveState
from pandabase_django.admin.base.scope import visible_among
from pandabase_django.admin.overview.finding_list import ShownFinding
from pandabase_django.admin.sync.run_texts import run_state
from pandabase_django.models import ApiToken, Store
from pandabase_django.models.sync import Resource
from pandabase_django.services.health.findings import Level, Situation
from pandabase_django.services.health.freshness import Freshness, freshness
from pandabase_django.services.tokens.permissions import NEEDED_BY_SYNCS
from pandabase_django.texts.times import near_time_text

__all__ = ["STORES_SHOWN", "ShownRun", "ShownStore", "store_cards"]

ROWS_SHOWN = 20
STORES_SHOWN = 20
_ERROR, _WARNING = Level.ERROR.value, Level.WARNING.value


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run under way."""

    name: str
    url: str
    live_url: str
    state: LiveState


@dataclass(slots=True)
class ShownStore:
    """One store's card. What the person may not see is left empty."""

    store: Store
    url: str
    token: ApiToken | None = None
    token_url: str = ""
    health_tone: str = "quiet"
    missing: Sequence[str] = ()
    resources: list[tuple[str, str, Freshness]] = field(default_factory=list)
    runs: list[ShownRun] = field(default_factory=list)
    rotations: list[tuple[str, str]] = field(default_factory=list)
    webhooks: list[ShownFinding] = field(default_factory=list)


def store_cards(
    site: admin.AdminSite,
    request: HttpRequest,
    situation: Situation,
    findings: Sequence[ShownFinding],
) -> list[ShownStore]:
    """A card for each store, or of many for those that need somebody, then those under way."""
    cards = {
        store.pk: ShownStore(store=store, url=change_url(site, "store", store.pk))
        for store in _shown(situation, findings)
    }
    for item in freshness(situation, stores=[card.store for card in cards.values()]):
        label = str(Resource(item.resource).label)
        cards[item.store_id].resources.append(
            (label, near_time_text(item.as_of) if item.as_of else "", item)
        )
    tokens = [token for pk, token in situation.active_tokens.items() if pk in cards]
    for token in visible_among(site, request, tokens):
        card = cards[token.store_id]
        card.token = token
        card.token_url = change_url(site, "apitoken", token.pk)
        card.health_tone = health_tone(token.health)
        card.missing = situation.lacks(token, NEEDED_BY_SYNCS)
    running = [run for run in situation.running if run.store_id in cards]
    for run in visible_among(site, request, running)[:ROWS_SHOWN]:
        live_url = admin_url(site, "pandabase_syncrun_live", run.pk)
        name = str(run.get_resource_display())
        url = change_url(site, "syncrun", run.pk)
        cards[run.store_id].runs.append(ShownRun(name, url, live_url, run_state(run)))
    rotations = [one for one in situation.open_rotations if one.token.store_id in cards]
    for attempt in visible_among(site, request, rotations)[:ROWS_SHOWN]:
        text = f"{attempt.token.name}: {attempt.get_state_display()}"
        url = change_url(site, "rotationattempt", attempt.pk)
        cards[attempt.token.store_id].rotations.append((text, url))
    for finding in findings:
        if finding.code.startswith("webhook_") and finding.store_id in cards:
            cards[finding.store_id].webhooks.append(finding)
    return list(cards.values())


def _shown(situation: Situation, findings: Iterable[ShownFinding]) -> list[Store]:
    if len(situation.stores) <= STORES_SHOWN:
        return situation.stores
    # The worst findings come first. A note alone, which hundreds may have, brings no store ahead.
    wanted = [one.store_id for one in findings if one.level in (_ERROR, _WARNING)]
    wanted += [run.store_id for run in situation.running]
    places = {store_id: place for place, store_id in reversed(list(enumerate(wanted)))}
    return sorted(situation.stores, key=lambda store: places.get(store.pk, len(wanted)))[
        :STORES_SHOWN
    ]
