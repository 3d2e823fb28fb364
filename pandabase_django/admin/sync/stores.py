"""Stores: what is synced, and the button that does it now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.base.display import EMPTY, badge, health_tone, moment, store_name
from pandabase_django.admin.base.enqueue import start_sync
from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_among, visible_rows
from pandabase_django.admin.overview.page import OverviewMixin
from pandabase_django.admin.overview.store_cards import store_cards
from pandabase_django.admin.sync.run_texts import outcome_badge
from pandabase_django.models import ApiToken, Store, SyncRun
from pandabase_django.services.health.findings import Situation

__all__ = ["StoreAdmin"]

RUNS_SHOWN = 6
RUN_SYNC = "pandabase.run_sync"


def _sync_now(model_admin: StoreAdmin, request: HttpRequest, store: Store) -> None:
    start_sync(request, store)


@admin.register(Store)
class StoreAdmin(OverviewMixin):
    """Stores come with their first token; they are disabled, never deleted."""

    store_lookup = ""
    when_empty = _("There is no store yet. A store comes with its first API token: add one.")
    list_display = ("name", "shown_mark", "health", "last_synced", "enabled", "active_token")
    list_filter = ("enabled", "mark")
    search_fields = ("id", "title", "handle")
    fields = ("id", "title", "handle", "currency", "country", "enabled", "mark", "note", "added_at")
    readonly_fields = ("id", "title", "handle", "currency", "country", "added_at")
    actions = ("sync_now",)
    above = ("admin/pandabase/store_state.html",)
    buttons = (Button("sync", _("Sync now"), RUN_SYNC, _sync_now),)

    def get_list_display(self, request: HttpRequest) -> Any:
        """What is known of tokens is for those who may see tokens."""
        shown = super().get_list_display(request)
        if may_view(self.admin_site, request, ApiToken):
            return shown
        return [name for name in shown if name not in ("health", "active_token")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        site = self.admin_site
        situation = Situation(stores=[obj])
        (card,) = store_cards(site, request, situation, ())
        tokens = visible_among(site, request, situation.tokens)
        runs = visible_rows(site, request, SyncRun).filter(store=obj).order_by("-id")
        return {
            "card": card,
            "now": situation.now,
            "tokens": [
                (
                    token,
                    change_url(site, "apitoken", token.pk),
                    badge(token.get_health_display(), tone=health_tone(token.health)),
                )
                for token in tokens
            ],
            "runs": [
                (run, change_url(site, "syncrun", run.pk), outcome_badge(run))
                for run in runs.defer("warnings", "steps")[:RUNS_SHOWN]
            ],
            "runs_url": admin_url(site, "pandabase_syncrun_changelist") + f"?store={obj.pk}",
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Store]:
        called = ApiToken.objects.active().filter(store=OuterRef("pk"))
        seen = visible_rows(self.admin_site, request, ApiToken).order_by()
        active = seen.filter(store=OuterRef("pk"), role=ApiToken.Role.ACTIVE)
        runs = SyncRun.objects.filter(store=OuterRef("pk"), state=SyncRun.State.COMPLETED)
        stores: QuerySet[Store] = super().get_queryset(request)
        return stores.annotate(
            is_called=Exists(called),
            active_name=Subquery(active.values("name")[:1]),
            active_health=Subquery(active.values("health")[:1]),
            last_finished=Subquery(runs.order_by("-id").values("finished_at")[:1]),
        )

    @admin.action(description=_("Sync now"), permissions=["run_sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Store]) -> None:
        for store in self.permitted(request, RUN_SYNC, queryset):
            start_sync(request, store)

    @admin.display(description=_("store"), ordering="title")
    def name(self, store: Store) -> str:
        return store_name(store)

    @admin.display(description=_("mark"), ordering="mark")
    def shown_mark(self, store: Store) -> str:
        if not store.mark:
            return EMPTY
        tone = "warn" if store.mark == Store.Mark.TEST else "ok"
        return badge(store.get_mark_display(), tone=tone)

    @admin.display(description=_("active token"))
    def active_token(self, store: Any) -> str:
        return str(store.active_name or (EMPTY if store.is_called else _("none: add one")))

    @admin.display(description=_("health"))
    def health(self, store: Any) -> str:
        if not store.active_health:
            return EMPTY
        label = str(ApiToken.Health(store.active_health).label)
        return badge(label, tone=health_tone(store.active_health))

    @admin.display(description=_("last synced"))
    def last_synced(self, store: Any) -> Any:
        return moment(store.last_finished)
