"""The rows of a filtered list as CSV, streamed, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone as clock

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["ExportMixin", "cell"]

logger = logging.getLogger(__name__)

ROWS_PER_FETCH = 2000
# A spreadsheet takes a text that begins so for a formula; the last four are their wide forms.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
BYTE_ORDER_MARK = "\ufeff"  # spreadsheets take the file for UTF-8 by it

Column = tuple[str, Callable[[Any], Any]]


class ExportMixin(_ModelAdmin):
    """Adds ``export/``: the list with the same filters, search and order, as CSV.

    Rows come from the list's own queryset, so whoever may not see a row does not get it.
    """

    export_columns: Sequence[Column] = ()
    change_list_template = "admin/pandabase/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        export = path(
            "export/", self.admin_site.admin_view(self.export_view), name=self._export_name()
        )
        return [export, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        url = reverse(f"{self.admin_site.name}:{self._export_name()}")
        query = request.GET.copy()
        query.pop("p", None)
        context = {**(extra_context or {}), "export_url": f"{url}?{query.urlencode()}"}
        return super().changelist_view(request, context)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The rows that the list has with these parameters, all pages of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        query = request.GET.copy()
        for name in ("p", "all"):
            query.pop(name, None)
        request.GET = query  # type: ignore[assignment]
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse(f'{self.admin_site.name}:{self._list_name()}')}")
        logger.info(
            "%s exports %s as CSV (%s).",
            request.user.get_username(),
            self.opts.verbose_name_plural,
            ", ".join(sorted(query)) or "no filter",
        )
        name = f"{self.opts.model_name}s-{clock.localdate().isoformat()}.csv"
        return StreamingHttpResponse(
            self._lines(request, rows),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _lines(self, request: HttpRequest, rows: Any) -> Iterator[str]:
        writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        yield BYTE_ORDER_MARK + writer.writerow([title for title, _read in self.export_columns])
        own = type(self).has_view_permission is not admin.ModelAdmin.has_view_permission
        for row in rows.iterator(chunk_size=ROWS_PER_FETCH):
            if own and not self.has_view_permission(request, row):
                continue
            yield writer.writerow([cell(read(row)) for _title, read in self.export_columns])

    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"

    def _list_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_changelist"


def cell(value: Any) -> str:
    """A value as a spreadsheet may be given it.

    A text that would be a formula gets an apostrophe in front, which spreadsheets show as text;
    numbers keep their sign.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
