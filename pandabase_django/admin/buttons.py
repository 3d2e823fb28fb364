"""Buttons on an object's page: a POST with CSRF, a permission of its own, and a redirect back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["Button", "ButtonsMixin"]


@dataclass(frozen=True, slots=True)
class Button:
    """One button.

    Attributes:
        name: Last part of its URL.
        label: What it says.
        permission: ``app_label.codename`` that pressing it needs.
        press: Called with the admin, the request and the object.
        fits: Whether it is shown for this object.
    """

    name: str
    label: str | Promise
    permission: str
    press: Callable[[Any, HttpRequest, Any], None]
    fits: Callable[[Any], bool] = lambda obj: True


class ButtonsMixin(_ModelAdmin):
    """Adds ``buttons`` to the change page."""

    buttons: Sequence[Button] = ()
    change_form_template = "admin/pandabase/buttons_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{button.name}/",
                self.admin_site.admin_view(self._view(button)),
                name=self._url_name(button),
            )
            for button in self.buttons
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        shown = [
            (button.label, reverse(f"admin:{self._url_name(button)}", args=[quote(obj.pk)]))
            for button in self.buttons
            if obj is not None and request.user.has_perm(button.permission) and button.fits(obj)
        ]
        context = {**(extra_context or {}), "pandabase_buttons": shown}
        return super().change_view(request, object_id, form_url, context)

    def _view(self, button: Button) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_object(request, unquote(object_id))
            if not self.has_view_permission(request, obj) or not request.user.has_perm(
                button.permission
            ):
                raise PermissionDenied
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            if obj is None or not button.fits(obj):
                raise Http404
            button.press(self, request, obj)
            meta = self.model._meta
            url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(obj.pk)])
            return HttpResponseRedirect(url)

        return view

    def _url_name(self, button: Button) -> str:
        meta = self.model._meta
        return f"{meta.app_label}_{meta.model_name}_{button.name}"
