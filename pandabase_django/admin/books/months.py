"""Pages of the ledger's months: a list of them, one month with its differences, and its CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext

from pandabase_django.admin.base.display import badge, money
from pandabase_django.admin.base.export import download
from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.rights import admin_of, may_view
from pandabase_django.admin.base.scope import (
    ByStoreMixin,
    blank_row_of,
    visible_ids,
    visible_stores,
)
from pandabase_django.admin.base.store_search import StoreSearch, told_apart
from pandabase_django.models import Dispute, LedgerEntry, Order, Payout, Refund, Store
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.printable import csv_lines
from pandabase_django.services.books.closing import Closing, Line, Total
from pandabase_django.services.books.month import Month
from pandabase_django.services.books.reading import close_month, months_of
from pandabase_django.services.books.report import TITLES, as_rows
from pandabase_django.services.books.texts import (
    advice_texts,
    difference_text,
    reason_text,
    state_text,
    summary_text,
)

__all__ = ["MonthsMixin"]

logger = get_logger(__name__)

CLOSE = "pandabase.close_ledgerentry"
EXPORT = "month_export"
ENTRIES_PER_PAGE = 200
DIFFERENCES_SHOWN = 200
_TONES = {"EQUAL": "good", "DIFFERENT": "bad", "INCOMPLETE": "warn"}


class MonthsMixin(ByStoreMixin):
    """Adds ``books/`` to the pages of the ledger, for those who may close months."""

    change_list_template = "admin/pandabase/books/change_list.html"

    def has_close_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the months of a store may be closed; ``obj`` is an entry of its ledger."""
        return self._granted(request, CLOSE, obj)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("books/", wrap(self.months_view), name=self._name("books")),
            path("books/month/", wrap(self.month_view), name=self._name("month")),
            path(
                "books/month/export/", wrap(self.export_month_view), name=self._name("month_export")
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        url = self._page("books") if self.may(request, CLOSE) else ""
        return super().changelist_view(request, {**(extra_context or {}), "books_url": url})

    def months_view(self, request: HttpRequest) -> HttpResponse:
        """The months of each store that this person may close. None of them is closed for that."""
        search = StoreSearch.of_request(request, self._stores(request))
        months, names = months_of(search.shown), dict(told_apart(search.shown))
        stores = [
            {
                "name": names[store.pk],
                "months": [
                    {"month": month, "count": count, "url": self._of_month("month", store, month)}
                    for month, count in months[store.pk]
                ],
            }
            for store in search.shown
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Months of the books"),
            "opts": self.opts,
            "media": self.media,
            "stores": stores,
            "search": search,
            "stores_url": self._stores_url(request),
        }
        return TemplateResponse(request, "admin/pandabase/books/months.html", context)

    def month_view(self, request: HttpRequest) -> HttpResponse:
        """One month, closed now from the rows that are here."""
        stores = self._stores(request)
        if "month" not in request.GET:
            return HttpResponseRedirect(self._page("books"))
        store, month = _asked(request, stores)
        closing = close_month(store, month)
        paginator = Paginator(closing.lines, ENTRIES_PER_PAGE)
        page = paginator.get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("%(store)s in %(month)s") % {"store": store, "month": month},
            "opts": self.opts,
            "media": self.media,
            "store": store,
            "month": month,
            "state": badge(state_text(closing), tone=_TONES[closing.state]),
            "summary": summary_text(closing),
            "reasons": [reason_text(reason) for reason in closing.reasons],
            "differences": [difference_text(d) for d in closing.differences[:DIFFERENCES_SHOWN]],
            "advice": advice_texts(closing),
            "more_differences": max(0, len(closing.differences) - DIFFERENCES_SHOWN),
            "totals": [_total(total) for total in closing.totals],
            "untied": closing.untied,
            "page": page,
            "lines": self._month_lines(request, list(page.object_list)),
            "months_url": self._page("books"),
            "export_url": self._of_month(EXPORT, store, month),
            "page_query": urlencode({"store": store.pk, "month": month}),
        }
        return TemplateResponse(request, "admin/pandabase/books/month.html", context)

    def export_month_view(self, request: HttpRequest) -> HttpResponse:
        """The same as CSV: entries, differences, what is missing, and the result."""
        stores = self._stores(request)
        if "month" not in request.GET:
            return HttpResponseRedirect(self._page("books"))
        store, month = _asked(request, stores)
        closing: Closing = close_month(store, month)
        who = request.user.get_username()
        logger.info(
            "%s exports the books of %s in %s as CSV.",
            who,
            store.pk,
            month,
            extra=facts(store=store.pk),
        )
        texts = csv_lines(chain([TITLES], as_rows(closing)))
        return download(request, texts, name=f"books-{store.pk}-{month}.csv")  # type: ignore[return-value]

    def _stores_url(self, request: HttpRequest) -> str:
        """Where a store is synced; "" for who may not see stores."""
        seen = may_view(self.admin_site, request, Store)
        return admin_url(self.admin_site, "pandabase_store_changelist") if seen else ""

    def _stores(self, request: HttpRequest) -> list[Store]:
        if not self.may(request, CLOSE):
            raise PermissionDenied
        return [
            store
            for store in visible_stores(self.admin_site, request, LedgerEntry)
            if self.may(request, CLOSE, blank_row_of(self, store))
        ]

    def _month_lines(self, request: HttpRequest, lines: Sequence[Line]) -> list[dict[str, Any]]:
        tied = [found for line in lines for found in _tied(line)]
        models: tuple[type[Model], ...] = (Order, Refund, Dispute, Payout)
        seen = {
            model: visible_ids(
                admin_of(self.admin_site, model), request, {pk for of, pk, _ in tied if of is model}
            )
            for model in models
            if may_view(self.admin_site, request, model)
        }
        return [self._line(line, seen) for line in lines]

    def _line(self, line: Line, seen: Mapping[type[Model], set[str]]) -> dict[str, Any]:
        entry, site = line.entry, self.admin_site
        return {
            "entry": entry,
            "url": change_url(site, "ledgerentry", entry.id),
            "amount": money(entry.amount_minor, entry.currency),
            "balance": money(entry.balance_minor, entry.currency),
            "is_wrong": bool(line.differences),
            "belongs_to": [
                (
                    text,
                    change_url(site, str(model._meta.model_name), pk)
                    if pk in seen.get(model, ())
                    else "",
                )
                for model, pk, text in _tied(line)
            ],
        }

    def _page(self, part: str) -> str:
        return reverse(f"{self.admin_site.name}:{self._name(part)}")

    def _name(self, part: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{part}"  # a proxy's is another one

    def _of_month(self, part: str, store: Store, month: Month) -> str:
        return f"{self._page(part)}?{urlencode({'store': store.pk, 'month': month})}"


def _tied(line: Line) -> list[tuple[type[Model], str, str]]:
    """What an entry belongs to: model, id, and what is shown of it."""
    tied = line.tied
    found: list[tuple[type[Model], str, str]] = [
        (Order, tied.order_id, tied.order_number or tied.order_id),
        (Refund, tied.refund_id, tied.refund_id),
        (Dispute, tied.dispute_id, tied.dispute_id),
        (Payout, tied.payout_id, tied.payout_id),
    ]
    return [row for row in found if row[1]]


def _asked(request: HttpRequest, stores: list[Store]) -> tuple[Store, Month]:
    store = next((s for s in stores if s.pk == request.GET.get("store")), None)
    try:
        month = Month.of_text(request.GET.get("month", ""))
    except ValueError:
        raise Http404 from None
    if store is None:
        raise Http404
    return store, month


def _total(total: Total) -> dict[str, Any]:
    return {
        "opening": money(total.opening_minor, total.currency),
        "moved": money(total.moved_minor, total.currency),
        "closing": money(total.closing_minor, total.currency),
        "types": [
            (type_, total.counts[type_], money(amount, total.currency))
            for type_, amount in total.by_type.items()
        ],
    }
