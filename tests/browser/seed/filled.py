"""The shop with a past, in the order in which it came about."""

from __future__ import annotations

from typing import Any

from pandabase_django.models import SyncRun
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.tasks import fetch_request_logs
from tests.admin.rights.enumeration import model_admins
from tests.admin.rows import row_of
from tests.browser.seed.actions import fill_actions
from tests.browser.seed.checkouts import fill_checkouts
from tests.browser.seed.runs import fill_runs
from tests.browser.seed.tokens import fill_tokens, rotate
from tests.browser.seed.webhooks import fill_webhooks

__all__ = ["fill"]


def fill(remote: dict[str, Any], user: Any) -> None:
    """A shop with a past: good and bad tokens, runs that ended and one that goes on."""
    active = fill_tokens(remote)
    for resource in ("products", "orders"):
        sync_resource(active.store, resource=resource, trigger=SyncRun.Trigger.SCHEDULE)
    # Before the run that never ends: a rotation waits a minute for it.
    rotate(active)
    fill_runs(active.store, user)
    fetch_request_logs.apply(args=[active.store_id])
    fill_webhooks(active.store)
    fill_checkouts(remote, active.store, user)
    fill_actions(remote, active.store, user)
    for name in list(_missing()):
        _make(name, active.store)


def _missing() -> list[Any]:
    return [a.model for a in model_admins().values() if not a.model.objects.exists()]


def _make(model: Any, store: Any) -> None:
    row_of(model, store=store, mark="example ")
