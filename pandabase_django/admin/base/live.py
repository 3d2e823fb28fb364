"""Pages that follow something under way: a JSON address that ``live.js`` asks.

Without JavaScript the page reloads itself while its object is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path, reverse

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["LiveMixin", "LiveState", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is; ``of`` is None while that is not known."""

    done: int
    of: int | None


@dataclass(frozen=True, slots=True)
class LiveState:
    """What a page shows of something that may be under way.

    Attributes:
        open: It is under way: ask again.
        texts: By name, for the elements with ``data-live-text``.
        progress: By name, for the ``<progress>`` elements with ``data-live-progress``.
    """

    open: bool
    texts: Mapping[str, str] = field(default_factory=dict)
    progress: Mapping[str, Progress] = field(default_factory=dict)


class LiveMixin(_ModelAdmin):
    """Adds ``…/<object>/live/``, which answers GET with the object's ``LiveState`` as JSON."""

    def live_state(self, request: HttpRequest, obj: Any) -> LiveState:
        """What the page shows of this object now."""
        raise NotImplementedError

    def live_url(self, obj: Any) -> str:
        """Where ``live.js`` asks."""
        return reverse(f"{self.admin_site.name}:{self._live_name()}", args=[quote(obj.pk)])

    def get_urls(self) -> list[URLPattern]:
        live = path(
            "<path:object_id>/live/",
            self.admin_site.admin_view(self.live_view),
            name=self._live_name(),
        )
        return [live, *super().get_urls()]

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The state as JSON; needs what the page itself needs."""
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if obj is None:
            raise Http404
        state = self.live_state(request, obj)
        return JsonResponse(
            {
                "open": state.open,
                "texts": dict(state.texts),
                "progress": {
                    name: {"done": progress.done, "of": progress.of}
                    for name, progress in state.progress.items()
                },
            },
            headers={"Cache-Control": "no-store"},
        )

    def _live_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_live"
