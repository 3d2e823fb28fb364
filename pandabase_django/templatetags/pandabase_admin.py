"""What this app's own admin templates ask for; no part of what shops may rely on."""

from __future__ import annotations

from typing import Any

from django import template

from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import Store
from pandabase_django.models.stores import store_of

__all__ = ["changes_nothing_there", "show_stores", "test_store_of"]

register = template.Library()


@register.simple_tag
def changes_nothing_there() -> bool:
    """Whether this deployment only reads. Settings that are wrong let nothing through either."""
    try:
        return conf.read_only
    except ConfigurationError:
        return True


@register.filter
def show_stores(apps: list[dict[str, Any]]) -> bool:
    """Whether this person may open the pages of stores, or of a proxy: the overview is one."""
    models = (model for app in apps for model in app["models"])
    return any(issubclass(model["model"], Store) and model["admin_url"] for model in models)


@register.simple_tag
def test_store_of(row: Any) -> Store | None:
    """The store of the row whose page this is, if it is a test; a page of no row has none."""
    store = store_of(row) if row else None
    return store if store is not None and store.mark == Store.Mark.TEST else None
