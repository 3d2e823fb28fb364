"""Every URL of the app's admin pages, found in the resolver: a new page is in the tests at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import URLPattern, URLResolver, get_resolver

from pandabase_django.admin.base.buttons import ButtonsMixin
from tests.admin.rows import store_of

__all__ = ["DJANGO_PAGES", "Page", "button_permission", "model_admins", "pages"]

#: Django's own pages of a model, by the end of their names, and the right that opens each.
DJANGO_PAGES = {
    "changelist": "view",
    "change": "view",
    "history": "view",
    "add": "add",
    "delete": "delete",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One URL pattern below ``admin/pandabase/``.

    Attributes:
        route: The pattern's full route.
        name: The URL's name; "" for Django's redirect from ``<id>/`` to ``<id>/change/``.
        arguments: Name of each argument in the route.
        model_admin: Whose page it is; None for a page of the whole app.
    """

    route: str
    name: str
    arguments: tuple[str, ...]
    model_admin: admin.ModelAdmin[Any] | None

    @property
    def part(self) -> str:
        """What the page is of its model: ``changelist``, ``change``, ``rotate``…"""
        if self.model_admin is None:
            return self.name
        meta = self.model_admin.model._meta
        return self.name.removeprefix(f"{meta.app_label}_{meta.model_name}_")

    @property
    def is_djangos(self) -> bool:
        return not self.name or self.part in DJANGO_PAGES

    def url(self, row: Any) -> str:
        """The page's URL for one row of its model (or a store, for a page of the whole app)."""
        url = "/" + self.route
        for name in self.arguments:
            value = {"store_id": store_of, "shp": store_of}.get(name, lambda row: row.pk)(row)
            url = _replace(url, name, quote(str(value)))
        return url


def pages() -> list[Page]:
    """Every page below ``admin/pandabase/``, and every other of the admin named ``pandabase_…``."""
    found = []
    for route, pattern in _walk(get_resolver(), ""):
        name = pattern.name or ""
        ours = route.startswith("admin/pandabase/") or name.startswith("pandabase_")
        if ours and route.startswith("admin/"):
            arguments = tuple(pattern.pattern.converters)
            found.append(Page(route, name, arguments, _model_admin(route)))
    return found


def model_admins() -> dict[str, admin.ModelAdmin[Any]]:
    """The app's registered admins by their model's name in URLs."""
    return {
        str(model._meta.model_name): model_admin
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == "pandabase"
    }


def button_permission(page: Page) -> str | None:
    """The codename that a button's page needs; None when the page is no button's."""
    if isinstance(page.model_admin, ButtonsMixin):
        for button in page.model_admin.buttons:
            if button.name == page.part:
                return button.permission.partition(".")[2]
    return None


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, route)
        else:
            yield route, entry


def _model_admin(route: str) -> admin.ModelAdmin[Any] | None:
    parts = route.split("/")
    return model_admins().get(parts[2]) if len(parts) > 2 else None


def _replace(url: str, name: str, value: str) -> str:
    start = url.index("<")
    end = url.index(">")
    assert url[start:end].split(":")[-1].strip("<") == name, url
    return url[:start] + value + url[end + 1 :]
