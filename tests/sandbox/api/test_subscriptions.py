"""Subscriptions, listed and changed."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Caller


@pytest.fixture
def path(caller: Caller) -> str:
    (pk,) = caller.sandbox.change([{"op": "create_subscription", "customer": 2}])
    return f"/subscriptions/{pk}"


@pytest.mark.fact(48)
def test_the_list_is_filtered_by_status_product_and_customer(caller: Caller) -> None:
    every = caller.sandbox.dump("subscriptions")
    for name, at in (
        ("status", lambda one: one["status"]),
        ("product_id", lambda one: one["product"]["id"]),
        ("customer_id", lambda one: one["customer"]["id"]),
    ):
        wanted = at(every[3])
        listed = {one["id"] for one in caller.everything(f"/subscriptions?{name}={wanted}")}
        assert listed == {one["id"] for one in every if at(one) == wanted}
    assert caller.send("GET", "/subscriptions?status=DONE").status_code == 400


@pytest.mark.fact(50)
def test_each_operation_answers_with_what_it_made(caller: Caller, path: str) -> None:
    def post(name: str, body: object = None, *, status: int = 200) -> dict[str, object]:
        answer = caller.send("POST", f"{path}/{name}", body={} if body is None else body)
        assert answer.status_code == status, answer.text
        return answer.json().get("data", {})

    assert post("pause")["status"] == "PAUSED"
    post("pause", status=400)
    assert post("resume")["pausedAt"] is None
    ends = caller.get(path)["currentPeriodEnd"]
    assert post("cancel")["endsAt"] == ends
    post("change", {"quantity": 2}, status=400)
    assert post("reactivate")["status"] == "ACTIVE"
    post("reactivate", status=400)
    more = {"quantity": 40, "proration_behavior": "END_OF_PERIOD"}
    before = post("change", more)
    invoice = caller.get(f"{path}/upcoming-invoice")
    assert invoice["total"] == before["product"]["price"] * 40 != before["amount"]
    post("change", {"product_id": "prd_that_is_not_there"}, status=400)
    done = post("cancel", {"immediate": True})
    assert done["endsAt"] == done["cancelledAt"]
    post("reactivate", status=400)
    assert caller.send("GET", "/subscriptions/sub_nobody_has_this").status_code == 404


@pytest.mark.fact(50)
def test_a_plan_may_be_of_a_variant(caller: Caller) -> None:
    gold, team = ({"title": name, "price": price} for name, price in (("G", 9900), ("T", 19_900)))
    fields = {"price": 2900, "productType": "SUBSCRIPTION", "variants": [gold, team]}
    (product,) = caller.sandbox.change([{"op": "create_product", "fields": fields}])
    _, dear = (one["id"] for one in caller.get(f"/products/{product}")["variants"])
    index = caller.sandbox.state.ids.index_of("product", product)
    (pk,) = caller.sandbox.change([{"op": "create_subscription", "product": index, "quantity": 2}])

    def changed(**plan: object) -> int:
        answer = caller.send("POST", f"/subscriptions/{pk}/change", body=plan)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["amount"]

    assert changed(variant_id=dear) == 39_800
    assert caller.sandbox.dump("orders")[-1]["amount"] == 39_800 - 5800
    assert changed(quantity=3) == 59_700
    _, order = caller.sandbox.change([{"op": "renew_subscription", "id": pk}])
    shown = caller.get(f"/orders/{order}")
    assert (shown["amount"], shown["items"][0]["variantId"]) == (59_700, dear)
    # The product's own price is less, so it is charged from the next renewal on.
    assert changed(variant_id=None) == 59_700
    assert caller.get(f"/subscriptions/{pk}/upcoming-invoice")["total"] == 8700
    unknown = {"variant_id": "var_that_is_not_there"}
    answer = caller.send("POST", f"/subscriptions/{pk}/change", body=unknown)
    assert (answer.status_code, answer.json()["error"]) == (400, "Variant not found")
    caller.sandbox.change([{"op": "renew_subscription", "id": pk}])
    assert caller.get(f"/subscriptions/{pk}")["amount"] == 8700
    assert caller.sandbox.dump("orders")[-1]["items"][0]["variantId"] is None


def test_one_of_a_product_that_was_made_later_shows_it(caller: Caller) -> None:
    fields = {"title": "Club", "price": 700, "productType": "SUBSCRIPTION"}
    (product,) = caller.sandbox.change([{"op": "create_product", "fields": fields}])
    index = caller.sandbox.state.ids.index_of("product", product)
    change = {"op": "create_subscription", "product": index, "quantity": 2}
    (pk,) = caller.sandbox.change([change])
    made = caller.get(f"/subscriptions/{pk}")
    assert made["product"] == {"id": product, "title": "Club", "price": 700}
    assert made["amount"] == 1400
