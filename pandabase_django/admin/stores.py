"""Stores: what is synced, and the button that does it now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.buttons import Button, ButtonsMixin
from pandabase_django.admin.scope import ByStoreMixin
from pandabase_django.models import ApiToken, Store, SyncRun

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Store]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["StoreAdmin"]


def _sync_now(model_admin: StoreAdmin, request: HttpRequest, store: Store) -> None:
    def enqueue() -> None:
        done = tasks.enqueue(
            tasks.sync_store,
            store.pk,
            trigger=SyncRun.Trigger.ADMIN.value,
            user_id=request.user.pk,
        )
        if done:
            text = gettext("A sync of %(store)s was handed to the workers.") % {"store": store}
            model_admin.message_user(request, text, messages.SUCCESS)
        else:
            text = gettext("The broker does not answer: nothing was started. The log tells more.")
            model_admin.message_user(request, text, messages.ERROR)

    transaction.on_commit(enqueue)


@admin.register(Store)
class StoreAdmin(ButtonsMixin, ByStoreMixin, _ModelAdmin):
    """Stores come with their first token; they are disabled, never deleted."""

    store_lookup = ""
    list_display = ("id", "title", "enabled", "active_token", "health", "last_synced")
    list_filter = ("enabled",)
    search_fields = ("id", "title", "handle")
    fields = ("id", "title", "handle", "currency", "country", "enabled", "note", "added_at")
    readonly_fields = ("id", "title", "handle", "currency", "country", "added_at")
    actions = ("sync_now",)
    buttons = (Button("sync", _("Sync now"), "pandabase.run_sync", _sync_now),)

    class Media:
        css = {"all": ["pandabase/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_run_sync_permission(self, request: HttpRequest) -> bool:
        """For the action: Django asks by this name."""
        return request.user.has_perm("pandabase.run_sync")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Store]:
        active = ApiToken.objects.filter(store=OuterRef("pk"), role=ApiToken.Role.ACTIVE)
        runs = SyncRun.objects.filter(store=OuterRef("pk"), state=SyncRun.State.COMPLETED)
        stores: QuerySet[Store] = super().get_queryset(request)
        return stores.annotate(
            active_name=Subquery(active.values("name")[:1]),
            active_health=Subquery(active.values("health")[:1]),
            last_finished=Subquery(runs.order_by("-id").values("finished_at")[:1]),
        )

    @admin.action(description=_("Sync now"), permissions=["run_sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Store]) -> None:
        for store in queryset:
            _sync_now(self, request, store)

    @admin.display(description=_("active token"))
    def active_token(self, store: Any) -> str:
        return str(store.active_name or _("none: add one"))

    @admin.display(description=_("health"))
    def health(self, store: Any) -> str:
        return str(ApiToken.Health(store.active_health).label) if store.active_health else "-"

    @admin.display(description=_("last synced"))
    def last_synced(self, store: Any) -> Any:
        return store.last_finished
