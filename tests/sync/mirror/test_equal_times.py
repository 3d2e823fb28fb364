"""Rows of one moment that have no order among them: pages overlap, and each row arrives anyway."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from pandabase_django.models import Category, Order, Product, Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.readings import unseen
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

MODELS = {"products": Product, "categories": Category, "orders": Order}
ONE_MORE = {"categories": 241, "products": 251, "orders": 451}


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {
        "seed": 7,
        "products": 250,
        "orders": 450,
        "categories": 240,
        "unstable_order": True,
    }


def say_total(sandbox: Sandbox, name: str, total: int) -> None:
    """Let the whole list, oldest first, count so many rows; counts by status stay right."""
    order = {"sort": "asc"} if name == "orders" else {"sortOrder": "asc"}
    match = {"path_regex": f"/{name}$", "query": order}
    args = {"set": {"data.pagination.total": total}}
    sandbox.clear_faults()
    sandbox.fault([{"match": match, "action": "edit_body", "times": 0, "args": args}])


def resource_of(name: str) -> str:
    return "orders" if name == "orders" else "products"


def found(store: Store) -> list[str]:
    runs = ("run_partial", "run_attention")
    return [each.sentence for each in attention(Situation(stores=[store])) if each.code in runs]


def test_products_and_categories_of_one_import_all_arrive(sandbox: Sandbox, sync: Sync) -> None:
    assert sync("products").run.state == "COMPLETED"
    assert Category.objects.count() == 240
    assert product_differences(sandbox) == []


def test_orders_of_one_import_all_arrive(sandbox: Sandbox, sync: Sync) -> None:
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_an_audit_reads_on_until_it_has_seen_all(
    sandbox: Sandbox, sync: Sync, store: Store, resource: str
) -> None:
    sync(resource)
    result = audit(store, resource=resource, full=True)
    assert (result.differences, result.not_compared) == ([], [])
    assert result.rows_compared == (450 if resource == "orders" else 490)


@pytest.mark.parametrize("name", MODELS)
def test_an_audit_that_did_not_see_all_is_incomplete(
    sandbox: Sandbox, sync: Sync, store: Store, name: str
) -> None:
    sandbox.set(unstable_order=False)
    sync(resource_of(name))
    say_total(sandbox, name, ONE_MORE[name])
    result = audit(store, resource=resource_of(name), full=True)
    assert result.differences == []
    assert not result.equal
    (text,) = result.not_compared
    assert text.startswith(f"1 of {ONE_MORE[name]} listed {name} were on no page")


@pytest.mark.parametrize("name", MODELS)
def test_a_total_that_stays_wrong_is_not_looked_into_by_each_run(
    sandbox: Sandbox, sync: Sync, store: Store, name: str, admin_client: Client
) -> None:
    resource = resource_of(name)
    say_total(sandbox, name, ONE_MORE[name])
    first = sync(resource).run
    text = f"1 of {ONE_MORE[name]} listed {name} were on no page, in any of 14 orders."
    assert (first.state, first.attention) == ("PARTIAL", text)
    assert MODELS[name].objects.count() == ONE_MORE[name] - 1
    assert any(text in sentence for sentence in found(store))
    assert text in told_by_the_command()
    for page in (reverse("admin:pandabase_overview"), page_of(first)):
        assert text in admin_client.get(page).content.decode()

    for _ in range(2):
        run = sync(resource).run
        assert (run.state, run.attention) == ("PARTIAL", text)
        assert run.requests - of_oldest_details(run) <= 20

    let_time_pass(resource, name, hours=1)
    assert sync(resource).run.requests > 30
    assert sync(resource).run.requests <= 40

    sandbox.clear_faults()
    assert sync(resource).run.state == "COMPLETED"
    run = sync(resource).run  # that the total fell is a person's matter for one run
    assert (run.state, run.attention) == ("COMPLETED", "")
    assert found(store) == []


def test_a_very_long_list_is_not_read_in_other_orders(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unseen, "ROWS_READ_AGAIN", 245)
    sandbox.set(unstable_order=False)
    say_total(sandbox, "products", 251)
    run = sync("products").run
    assert run.attention == (
        "1 of 251 listed products were on no page; a list of more than 245 rows is read in one "
        "order alone."
    )
    assert run.requests <= 20


@pytest.mark.parametrize("name", MODELS)
def test_what_was_looked_for_in_vain_is_looked_for_ever_more_seldom(
    sandbox: Sandbox, sync: Sync, name: str
) -> None:
    resource = resource_of(name)

    def looked(*, hours: int = 0, full: bool = False) -> bool:
        let_time_pass(resource, name, hours=hours)
        run = sync(resource, full=full).run
        assert run.state == "PARTIAL"
        requests = run.requests - of_oldest_details(run)
        assert requests <= 20 or requests > 30
        return requests > 30

    say_total(sandbox, name, ONE_MORE[name])
    sync(resource)
    assert looked(hours=1)
    for pause in (2, 4, 8, 16, 24, 24):
        assert not looked(hours=pause - 1)
        assert looked(hours=1)
    assert looked(full=True)
    assert not looked(hours=23)
    say_total(sandbox, name, ONE_MORE[name] + 1)
    assert looked()
    assert not looked()
    assert looked(hours=1)


def test_an_order_that_is_new_makes_no_run_look_for_the_same_lacking_one(
    sandbox: Sandbox, sync: Sync
) -> None:
    sandbox.set(unstable_order=False)
    say_total(sandbox, "orders", 451)
    sync("orders")
    sandbox.change([{"op": "create_order"}])
    say_total(sandbox, "orders", 452)
    run = sync("orders").run
    assert run.state == "PARTIAL"
    assert "orders: full pass" not in {step["strategy"] for step in run.steps}


@pytest.mark.parametrize("stopped_at", [30, 44])
def test_a_first_pass_that_was_stopped_goes_on_to_all_orders(
    sandbox: Sandbox, sync: Sync, short_backoff: None, stopped_at: int
) -> None:
    sandbox.set(page_cap=10)
    match = {"path_regex": "/orders$", "query": {"page": str(stopped_at)}}
    sandbox.fault([{"match": match, "action": "status", "times": 0, "args": {"status": 500}}])
    assert sync("orders").run.state == "FAILED"
    assert SyncCursor.objects.get(resource="orders").checkpoint["orders"]["append"]["full_page"] > 1
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def told_by_the_command() -> str:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("pandabase_check", stdout=out, stderr=StringIO())
    return out.getvalue()


def page_of(run: SyncRun) -> str:
    return reverse("admin:pandabase_syncrun_change", args=[run.pk])


def let_time_pass(resource: str, name: str, *, hours: int) -> None:
    """As if the last look for what is lacking had been so much earlier."""
    cursor = SyncCursor.objects.get(resource=resource)
    state = cursor.checkpoint[name]["unseen"]
    earlier = datetime.fromisoformat(state["at"]) - timedelta(hours=hours)
    state["at"] = earlier.isoformat()
    cursor.save()


def of_oldest_details(run: SyncRun) -> int:
    steps = [step for step in run.steps if step["strategy"] == "orders: oldest details"]
    return sum(step["requests"] for step in steps)
