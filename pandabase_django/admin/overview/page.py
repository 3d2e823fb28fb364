"""The overview: what needs attention, and how fresh each store is. What was sold is apart.

Its figures cost queries of their own whenever they are counted anew, so a script puts them into
the page afterwards; without one, a link leads to them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext

from pandabase_django import tasks
from pandabase_django.admin.base.links import admin_url
from pandabase_django.admin.base.page import PandabaseAdmin
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_stores
from pandabase_django.admin.overview.finding_list import shown_findings
from pandabase_django.admin.overview.sales_panel import sales_panel
from pandabase_django.admin.overview.store_cards import store_cards
from pandabase_django.models import Order, Store
from pandabase_django.services.health.checklist import is_set_up, setup
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.freshness import beat_last_seen
from pandabase_django.services.health.report import attention

__all__ = ["OverviewMixin"]

RUN_SYNC = "pandabase.run_sync"
FINDINGS_SHOWN = 50


class OverviewMixin(PandabaseAdmin):
    """Adds the overview to the pages of stores."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("overview/", wrap(self.overview_view), name="pandabase_overview"),
            path("overview/sales/", wrap(self.sales_view), name="pandabase_overview_sales"),
            path("overview/broker/", wrap(self.broker_view), name="pandabase_overview_broker"),
            *super().get_urls(),
        ]

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """The page; at most twenty queries, however many stores and orders there are."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        site = self.admin_site
        situation = Situation(stores=visible_stores(site, request, Store))
        found = attention(situation)
        findings = shown_findings(site, request, found)
        cards = store_cards(site, request, situation, findings)
        context = {
            **self._shared_context(request, gettext("Overview")),
            "steps": []
            if is_set_up(situation)
            else shown_findings(site, request, setup(situation)),
            "may_ask_broker": self.may(request, RUN_SYNC),
            "findings": findings[:FINDINGS_SHOWN],
            "is_all_well": not found,
            "more_findings": max(0, len(findings) - FINDINGS_SHOWN),
            "stores": cards,
            "more_stores": len(situation.stores) - len(cards),
            "stores_url": admin_url(site, "pandabase_store_changelist"),
            "beat": beat_last_seen(situation),
            "now": situation.now,
            "sales_url": admin_url(site, "pandabase_overview_sales")
            if visible_stores(site, request, Order)
            else "",
        }
        return TemplateResponse(request, "admin/pandabase/overview.html", context)

    def sales_view(self, request: HttpRequest) -> HttpResponse:
        """What was sold; at most six queries beyond who asks and which stores there are."""
        site = self.admin_site
        if not (self.has_view_permission(request) and may_view(site, request, Order)):
            raise PermissionDenied
        context = {
            **self._shared_context(request, gettext("Sales")),
            "overview_url": admin_url(site, "pandabase_overview"),
            **sales_panel(site, request),
        }
        return TemplateResponse(request, "admin/pandabase/sales.html", context)

    def _shared_context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media,
        }

    def broker_view(self, request: HttpRequest) -> HttpResponse:
        """Ask the broker, which waits for a network: a button's work alone."""
        if not self.may(request, RUN_SYNC):
            raise PermissionDenied
        overview = HttpResponseRedirect(reverse(f"{self.admin_site.name}:pandabase_overview"))
        if request.method != "POST":
            return overview
        problem = tasks.broker_problem()
        if problem:
            text = gettext("The broker does not answer: %(why)s") % {"why": problem}
            messages.error(request, text)
        else:
            messages.success(request, gettext("The broker answers."))
        return overview
