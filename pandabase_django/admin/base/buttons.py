"""Buttons on an object's page: a POST with CSRF, a permission of its own, and a redirect back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.rights import RightsMixin
from pandabase_django.database import transaction
from pandabase_django.exceptions import HeldBack

__all__ = ["NOTHING_DONE", "Button", "ButtonsMixin"]

NOTHING_DONE = _("Nothing was done: it has changed. This is its state now.")


@dataclass(frozen=True, slots=True)
class Button:
    """One button.

    Attributes:
        name: Last part of its URL.
        label: What it says.
        permission: ``app_label.codename`` that pressing it needs.
        press: Called with the admin, the request and the object, and with the valid form where
            one is asked; returns where to go then, or None for the object's page.
        fits: Whether it is shown for this object.
        waits: It waits for a network: no transaction of the request may wait with it.
        held: Of one that changes something at Pandabase: why it can't be pressed, where this
            deployment must not do that.
        form: What is asked beside the button, made from the request, the object and what was
            posted (None while it is shown). None, or none made: nothing is asked.
    """

    name: str
    label: str | Promise
    permission: str
    press: Callable[..., str | None]
    fits: Callable[[Any], bool] = lambda obj: True
    waits: bool = False
    held: Callable[[Any], HeldBack | None] | None = None
    form: Callable[[HttpRequest, Any, QueryDict | None], forms.Form | None] | None = None


@dataclass(frozen=True, slots=True)
class ShownButton:
    """A button as the page shows it.

    Attributes:
        label: What it says.
        url: Where it posts to.
        form: What is asked beside it.
        why_not: Why it can't be pressed now; "" when it can.
    """

    label: str | Promise
    url: str
    form: forms.Form | None
    why_not: str = ""


class ButtonsMixin(RightsMixin):
    """Adds ``buttons`` to the change page."""

    buttons: Sequence[Button] = ()
    change_form_template = "admin/pandabase/change_form.html"

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

    def shown_buttons(self, request: HttpRequest, obj: Any) -> list[ShownButton]:
        """What is shown of each button that this person may press on this object."""
        # Several buttons of a page have one reason.
        ask = cache(lambda held: held(obj))
        return [
            ShownButton(
                label=button.label,
                url=self._url(button, obj),
                form=button.form(request, obj, None) if button.form else None,
                why_not=_text(ask(button.held) if button.held else None),
            )
            for button in self.buttons
            if self.may(request, button.permission, obj) and button.fits(obj)
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            buttons = self.shown_buttons(request, obj)
            reasons = (button.why_not for button in buttons if button.why_not)
            context |= {"pandabase_buttons": buttons, "pandabase_why_not": next(reasons, "")}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _view(self, button: Button) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_object(request, unquote(object_id))
            if not self.may(request, button.permission, obj):
                raise PermissionDenied
            if obj is None:
                raise Http404
            if request.method != "POST":  # a login in between makes it a GET
                return HttpResponseRedirect(self._page(obj))
            if not button.fits(obj):
                self.message_user(request, NOTHING_DONE, messages.WARNING)
                return HttpResponseRedirect(self._page(obj))
            return HttpResponseRedirect(self._press(button, request, obj) or self._page(obj))

        return transaction.non_atomic_requests(view) if button.waits else view

    def _press(self, button: Button, request: HttpRequest, obj: Any) -> str | None:
        form = button.form(request, obj, request.POST) if button.form else None
        if form is None:
            return button.press(self, request, obj)
        if form.is_valid():
            return button.press(self, request, obj, form)
        for problem in chain.from_iterable(form.errors.values()):
            self.message_user(request, str(problem), messages.ERROR)
        return None

    def _page(self, obj: Any) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(f"{self.admin_site.name}:{name}", args=[quote(obj.pk)])

    def _url(self, button: Button, obj: Any) -> str:
        return reverse(f"{self.admin_site.name}:{self._url_name(button)}", args=[quote(obj.pk)])

    def _url_name(self, button: Button) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{button.name}"


def _text(held: HeldBack | None) -> str:
    return "" if held is None else held.message
