"""What a person may do to a row: the one place that every page, button, action and form asks.

Three things have to agree: the permission; ``has_view_permission(request, row)``, since nobody
acts on what they may not see; and the shop's own rule by object. For the rule,
``has_view_permission`` and ``has_change_permission`` are asked once more with every permission
taken as given, so that a rule that says "not this store" holds for what needs another permission
than "change", and on pages that nobody changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["RightsMixin", "admin_of", "asks_rules_alone", "may_view", "rules_allow"]

R = TypeVar("R", bound=Model)

_rules_alone: ContextVar[bool] = ContextVar("pandabase_rules_alone", default=False)


def asks_rules_alone() -> bool:
    """Every permission counts as given now: what refuses is a rule by object."""
    return _rules_alone.get()


class RightsMixin(_ModelAdmin):
    """Adds ``may``, and a method for each further permission, which a shop may override.

    Each takes the row, or None where no row is meant, as Django's own do.
    """

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asks_rules_alone() or super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asks_rules_alone() or super().has_change_permission(request, obj)

    def has_test_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a token may be tested."""
        return self._granted(request, "pandabase.test_apitoken", obj)

    def has_rotate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a token's secret may be replaced; of a rotation its token is asked as well."""
        return self._granted(request, "pandabase.rotate_apitoken", obj) and self._agreed(
            request, "rotate", getattr(obj, "token", None)
        )

    def has_run_sync_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a sync may be started; of what belongs to a store that is asked as well."""
        return self._granted(request, "pandabase.run_sync", obj) and self._agreed(
            request, "run_sync", getattr(obj, "store", None)
        )

    def has_register_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether an endpoint's registration at Pandabase may be changed."""
        return self._granted(request, "pandabase.register_webhookendpoint", obj)

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a delivery may be handled again."""
        return self._granted(request, "pandabase.replay_webhookdelivery", obj)

    def has_fetch_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a store's request log may be fetched; ``obj`` is an entry of it."""
        return self._granted(request, "pandabase.fetch_requestlog", obj)

    def may(self, request: HttpRequest, permission: str, obj: Any = None) -> bool:
        """Whether a person may do to a row what a permission names; None asks without a row.

        Args:
            request: Whose.
            permission: ``app_label.codename``.
            obj: The row.
        """
        decide = getattr(self, f"has_{_action(permission)}_permission")
        return self.has_view_permission(request, obj) and bool(decide(request, obj))

    def permitted(self, request: HttpRequest, permission: str, rows: Iterable[R]) -> list[R]:
        """Those of the rows that a person may do this to."""
        return [row for row in rows if self.may(request, permission, row)]

    def _granted(self, request: HttpRequest, permission: str, obj: Any) -> bool:
        return request.user.has_perm(permission) and (
            obj is None or rules_allow(self, request, obj)
        )

    def _agreed(self, request: HttpRequest, action: str, owner: Model | None) -> bool:
        model_admin = admin_of(self.admin_site, type(owner)) if owner is not None else None
        decide = getattr(model_admin, f"has_{action}_permission", None)
        return decide is None or bool(decide(request, owner))


def admin_of(site: admin.AdminSite, model: type[Model]) -> Any:
    """The admin of a model, or else of a proxy of it; None when the site has neither."""
    registered: Any = site._registry
    if model in registered:
        return registered[model]
    same = (m for m in registered if m._meta.concrete_model is model._meta.concrete_model)
    return registered.get(next(same, None))


def may_view(site: admin.AdminSite, request: HttpRequest, row: Model | type[Model]) -> bool:
    """Whether a person may open this row's page; for a model, any row's."""
    model, obj = (row, None) if isinstance(row, type) else (type(row), row)
    model_admin = admin_of(site, model)
    return model_admin is not None and bool(model_admin.has_view_permission(request, obj))


def rules_allow(model_admin: admin.ModelAdmin[Any], request: HttpRequest, obj: Model) -> bool:
    """Whether no rule by object refuses a row, whatever permissions the person has."""
    if not isinstance(model_admin, RightsMixin):
        return True
    with _asking_rules_alone():
        return model_admin.has_view_permission(request, obj) and model_admin.has_change_permission(
            request, obj
        )


@contextmanager
def _asking_rules_alone() -> Iterator[None]:
    before = _rules_alone.set(True)
    try:
        yield
    finally:
        _rules_alone.reset(before)


def _action(permission: str) -> str:
    """``rotate`` of ``pandabase.rotate_apitoken``; a codename without a model is its own."""
    codename = permission.partition(".")[2]
    action, _, model_name = codename.rpartition("_")
    models = {model._meta.model_name for model in apps.get_app_config("pandabase").get_models()}
    return action if model_name in models else codename
