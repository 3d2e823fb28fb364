"""The shop with a past, in the order in which it came about."""

from __future__ import annotations

from typing import Any

from pandabase_django.models import SyncRun
from pandabase_django.services.sync.resources import with_runs
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.tasks import fetch_request_logs
from tests.admin.rights.enumeration import model_admins
from tests.admin.rows import row_of
from tests.browser.seed.actions import fill_actions
from tests.browser.seed.checkouts import fill_checkouts
from tests.browser.seed.people import erase_somebody, link_customers
from tests.browser.seed.remote import change
from tests.browser.seed.runs import fill_runs
from tests.browser.seed.tokens import fill_tokens, rotate
from tests.browser.seed.usage import fill_usage
from tests.browser.seed.webhooks import fill_webhooks

__all__ = ["fill"]


def fill(remote: dict[str, Any], user: Any) -> None:
    """A shop with a past: good and bad tokens, runs that ended and one that goes on."""
    active = fill_tokens(remote)
    # One entry of the ledger that does not add up, some months ago.
    change(remote, "edit_entry", index=-150, fields={"amount": 1})
    for resource in with_runs():
        sync_resource(active.store, resource=resource.name, trigger=SyncRun.Trigger.SCHEDULE)
    # Before the run that never ends: a rotation waits a minute for it.
    rotate(active)
    fill_runs(active.store, user)
    fetch_request_logs.apply(args=[active.store_id])
    fill_webhooks(active.store)
    fill_checkouts(remote, active.store, user)
    fill_actions(remote, active.store, user)
    fill_usage(remote, active.store)
    link_customers(active.store, user)
    erase_somebody(active.store, user)
    # A month that is not over.
    sync_resource(active.store, resource="ledger", trigger=SyncRun.Trigger.SCHEDULE)
    for name in list(_missing()):
        _make(name, active.store)


def _missing() -> list[Any]:
    return [a.model for a in model_admins().values() if not a.model.objects.exists()]


def _make(model: Any, store: Any) -> None:
    row_of(model, store=store, mark="example ")
