"""The list of pages that a browser can open in the filled shop."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from pandabase_django.models import (
    CheckoutSession,
    Order,
    Purchase,
    RemoteAction,
    Store,
    Subscription,
)
from tests.admin.rights.enumeration import pages
from tests.browser.plain import site
from tests.browser.seed.states import states

__all__ = ["baseline", "pages_of"]


def pages_of(user: Any) -> list[dict[str, Any]]:
    """Every page of the app that answers a GET with HTML, by name and path, found by trying."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    found: list[dict[str, Any]] = [
        {"name": "index", "path": reverse("admin:app_list", args=["pandabase"])}
    ]
    for page in pages():
        if not page.name:
            continue
        path = page.url(_row(page))
        answer = client.get(path)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            found.append({"name": page.name.removeprefix("pandabase_"), "path": path})
    return [*found, *states()]


def _row(page: Any) -> Any:
    if page.model_admin is None:
        return Store.objects.first()
    if page.model_admin.model is Purchase:
        return Purchase.objects.filter(verdict="MISMATCH").first()
    if page.model_admin.model is CheckoutSession:
        return CheckoutSession.objects.filter(state="MISMATCH").first()
    rows = page.model_admin.model.objects
    if page.model_admin.model is Subscription:
        return rows.exclude(pk__in=RemoteAction.objects.open().values("object_id")).first()
    if page.model_admin.model is Order:
        # One that was sold here: everything is known of it.
        return rows.filter(purchases__verdict="MATCHED").order_by("created_at").first()
    return rows.first()


def baseline() -> list[dict[str, str]]:
    """Pages of plain ModelAdmins over the same rows."""
    found = [("plain:index", []), ("plain:app_list", ["pandabase"])]
    for model in site._registry:
        name = f"plain:pandabase_{model._meta.model_name}"
        pk = model._default_manager.values_list("pk", flat=True).first()
        found += [(f"{name}_changelist", []), (f"{name}_change", [pk])]
        found += [(f"{name}_add", []), (f"{name}_delete", [pk])]
    return [{"name": name, "path": reverse(name, args=arguments)} for name, arguments in found]
