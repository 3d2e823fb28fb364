"""The rows of a filtered list as CSV, streamed, and harmless in a spreadsheet; other downloads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone as clock

from pandabase_django.admin.base.rights import RightsMixin
from pandabase_django.observing.logs import get_logger
from pandabase_django.printable import csv_lines

__all__ = ["ExportMixin", "download"]

logger = get_logger(__name__)

ROWS_PER_FETCH = 2000
LINES_PER_PIECE = 200
# The name of a column or attribute; or a title and what reads the value.
Column = str | tuple[str, Callable[[Any], Any]]


class ExportMixin(RightsMixin):
    """Adds ``export/``: the list with the same filters, search and order, as CSV.

    Rows come from the list's own queryset, so whoever may not see a row does not get it.
    """

    export_columns: Sequence[Column] = ()

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
        texts = self._texts(request, rows)
        return download(request, texts, name=name)

    def _texts(self, request: HttpRequest, rows: Any) -> Iterator[str]:
        """The file in pieces of many lines: each costs the event loop a change of threads."""
        lines = self._lines(request, rows)
        yield next(lines)
        while text := "".join(islice(lines, LINES_PER_PIECE)):
            yield text

    def _lines(self, request: HttpRequest, rows: Any) -> Iterator[str]:
        titles = [c if isinstance(c, str) else c[0] for c in self.export_columns]
        return csv_lines(chain([titles], self._values(request, rows)))

    def _values(self, request: HttpRequest, rows: Any) -> Iterator[list[Any]]:
        reads = [attrgetter(c) if isinstance(c, str) else c[1] for c in self.export_columns]
        own = type(self).has_view_permission is not RightsMixin.has_view_permission
        for row in _in_chunks(rows):
            if not own or self.has_view_permission(request, row):
                yield [read(row) for read in reads]

    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"

    def _list_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_changelist"


def download(
    request: HttpRequest, texts: Iterator[str], *, name: str, kind: str = "text/csv"
) -> StreamingHttpResponse:
    """A download that no cache keeps, sent as it is made."""
    return StreamingHttpResponse(
        # Under ASGI Django reads an iterator that is not asynchronous whole before it sends.
        _without_blocking(texts) if isinstance(request, ASGIRequest) else texts,
        content_type=f"{kind}; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _without_blocking(texts: Iterator[str]) -> AsyncIterator[str]:
    """The same, each piece made in the thread that holds the request's database connection."""
    following = sync_to_async(partial(next, texts, ""), thread_sensitive=True)
    while text := await following():
        yield text


def _in_chunks(rows: Any) -> Iterator[Any]:
    """All rows in their order, some at a time.

    ``iterator()`` would keep a cursor of the server's open, which a pooler takes away between two
    transactions, and a download may last for as long as its reader likes.
    """
    ids = list(rows.values_list("pk", flat=True))
    for start in range(0, len(ids), ROWS_PER_FETCH):
        chunk = ids[start : start + ROWS_PER_FETCH]
        found = {row.pk: row for row in rows.filter(pk__in=chunk)}
        yield from (found[pk] for pk in chunk if pk in found)
