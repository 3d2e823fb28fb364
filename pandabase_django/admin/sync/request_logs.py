"""The remote's log of requests: what was called, from where, and the button that fetches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import EMPTY, badge, moment, payload, with_store
from pandabase_django.admin.base.enqueue import hand_over_sync
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.base.scope import hidden_stores, visible_among
from pandabase_django.conf import conf
from pandabase_django.models import RequestLog, Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.printable import is_storable

__all__ = ["RequestLogAdmin"]

FETCH = "pandabase.fetch_requestlog"
STORES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A store and how its last fetch ended; who may not see the run sees that there is one."""

    store: Store
    was_fetched: bool
    run: SyncRun | None
    run_url: str
    may_fetch: bool


class AnswerFilter(admin.SimpleListFilter):
    """By the first digit of the status."""

    title = _("answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("2", _("2xx: done")),
            ("401", _("401: credential refused")),
            ("403", _("403: permission missing")),
            ("4", _("4xx: refused")),
            ("5", _("5xx: failed")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None or not value.isascii() or not value.isdigit() or len(value) > 3:
            return queryset
        low = int(value.ljust(3, "0"))
        width: int = 10 ** (3 - len(value))
        return queryset.filter(status_code__gte=low, status_code__lt=low + width)


@admin.register(RequestLog)
class RequestLogAdmin(ReadOnlyAdmin):
    """What the remote says was asked of it with this store's tokens."""

    change_list_template = "admin/pandabase/requestlog/change_list.html"
    list_display = ("at", "answer", "method", "short_path", "address", "time_taken")
    list_display_links = ("at",)
    list_filter = ("ip_is_new", AnswerFilter, "method", StoreFilter)
    search_fields = ("path", "=ip", "=id")
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "id",
        "store_link",
        "logged_at",
        "method",
        "path",
        "answer",
        "time_taken",
        "address",
        "synced_at",
        "entry",
    )
    why_read_only = _("This is Pandabase's record of a request. Nobody can change it.")

    def get_urls(self) -> list[URLPattern]:
        fetch = path(
            "fetch/<str:store_id>/",
            self.admin_site.admin_view(self.fetch_view),
            name="pandabase_requestlog_fetch",
        )
        return [fetch, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            **(extra_context or {}),
            "fetched": self._fetched(request),
            "retention_days": conf.request_log_retention_days,
        }
        return super().changelist_view(request, context)

    def fetch_view(self, request: HttpRequest, store_id: str) -> HttpResponse:
        """Hand a fetch to the workers."""
        if not self.may(request, FETCH):
            raise PermissionDenied
        hidden = hidden_stores(self, request)
        named = unquote(store_id)
        if not is_storable(named):
            raise Http404
        store = Store.objects.filter(pk=named).exclude(pk__in=hidden).first()
        if store is None:
            raise Http404
        if not self.may(request, FETCH, RequestLog(store=store)):
            raise PermissionDenied
        page = HttpResponseRedirect(admin_url(self.admin_site, "pandabase_requestlog_changelist"))
        if request.method != "POST":
            return page
        text = gettext("A fetch of %(store)s's request log was handed to the workers.")
        hand_over_sync(request, store.pk, (Resource.REQUEST_LOGS,), message=text % {"store": store})
        return page

    @admin.display(description=_("time"), ordering="logged_at")
    def at(self, entry: RequestLog) -> str:
        return moment(entry.logged_at)

    @admin.display(description=_("path"), ordering="path")
    def short_path(self, entry: RequestLog) -> str:
        """Without what every path of the store begins with."""
        _, found, rest = entry.path.partition(f"/stores/{entry.store_id}")
        return with_store(entry, (rest or "/") if found else entry.path)

    @admin.display(description=_("status"), ordering="status_code")
    def answer(self, entry: RequestLog) -> str:
        if entry.status_code is None:
            return EMPTY
        tone = "good" if entry.status_code < 400 else "bad"
        return badge(str(entry.status_code), tone=tone)

    @admin.display(description=_("took"), ordering="duration_ms")
    def time_taken(self, entry: RequestLog) -> str:
        return EMPTY if entry.duration_ms is None else f"{entry.duration_ms:.0f} ms"

    @admin.display(description=_("IP address"), ordering="ip")
    def address(self, entry: RequestLog) -> str:
        if not entry.ip:
            return EMPTY
        if not entry.ip_is_new:
            return entry.ip
        return format_html("{} {}", entry.ip, badge(gettext("never seen before"), tone="bad"))

    @admin.display(description=_("entry"))
    def entry(self, entry: RequestLog) -> str:
        return payload(entry.payload)

    def _fetched(self, request: HttpRequest) -> list[_Fetched]:
        newest = (
            SyncRun.objects.filter(store=OuterRef("pk"), resource=Resource.REQUEST_LOGS)
            .order_by("-id")
            .values("pk")[:1]
        )
        shown = Store.objects.exclude(pk__in=hidden_stores(self, request))
        shown = shown.order_by("-enabled", "pk")[:STORES_SHOWN]
        stores: list[Any] = list(shown.annotate(fetch=Subquery(newest)))
        found = SyncRun.objects.in_bulk([store.fetch for store in stores])
        runs = {run.pk: run for run in visible_among(self.admin_site, request, found.values())}
        return [
            _Fetched(
                store,
                store.fetch is not None,
                runs.get(store.fetch),
                change_url(self.admin_site, "syncrun", store.fetch) if store.fetch else "",
                may_fetch=self.may(request, FETCH, RequestLog(store=store)),
            )
            for store in stores
        ]
