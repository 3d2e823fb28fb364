"""How each store is, as the overview shows it: its token, its freshness, what is under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from pandabase_django.admin.base.display import health_tone
from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.live import LiveState
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.overview.finding_list import ShownFinding
from pandabase_django.admin.sync.run_texts import run_state
from pandabase_django.models import ApiToken, RotationAttempt, Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.freshness import Freshness, freshness
from pandabase_django.services.tokens.permissions import missing_permissions
from pandabase_django.texts.times import near_time_text

__all__ = ["ShownRun", "ShownStore", "store_cards"]

ROWS_SHOWN = 20

R = TypeVar("R", bound=Model)


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
    findings: Iterable[ShownFinding],
) -> list[ShownStore]:
    """A card for each store of the situation."""
    cards = {
        store.pk: ShownStore(store=store, url=change_url(site, "store", store.pk))
        for store in situation.stores
    }
    for item in freshness(situation):
        label = str(Resource(item.resource).label)
        cards[item.store_id].resources.append(
            (label, near_time_text(item.as_of) if item.as_of else "", item)
        )
    if may_view(site, request, ApiToken):
        for store_id, token in situation.active_tokens.items():
            card = cards[store_id]
            card.token = token
            card.token_url = change_url(site, "apitoken", token.pk)
            card.health_tone = health_tone(token.health)
            card.missing = missing_permissions(token)
    for run in _seen(site, request, SyncRun, situation.running):
        live_url = admin_url(site, "pandabase_syncrun_live", run.pk)
        name = str(run.get_resource_display())
        url = change_url(site, "syncrun", run.pk)
        cards[run.store_id].runs.append(ShownRun(name, url, live_url, run_state(run)))
    for attempt in _seen(site, request, RotationAttempt, situation.open_rotations):
        text = f"{attempt.token.name}: {attempt.get_state_display()}"
        url = change_url(site, "rotationattempt", attempt.pk)
        cards[attempt.token.store_id].rotations.append((text, url))
    for finding in findings:
        if finding.code.startswith("webhook_") and finding.store_id in cards:
            cards[finding.store_id].webhooks.append(finding)
    return list(cards.values())


def _seen(
    site: admin.AdminSite, request: HttpRequest, model: type[R], rows: Iterable[R]
) -> Iterator[R]:
    """Those of these rows that this person may see, by the model's own admin."""
    if may_view(site, request, model):
        shown = islice((row for row in rows if may_view(site, request, row)), ROWS_SHOWN)
        yield from shown
