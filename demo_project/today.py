"""Lets something happen at the sandbox today: what it begins with is too old to be acted upon."""

from __future__ import annotations

from typing import Any

from demo_project.webhooks import ask_sandbox

__all__ = ["METER", "let_things_happen"]

METER = "output_tokens"
TRIAL_DAYS = 14


def let_things_happen(control_url: str) -> None:
    """Two customers subscribe, one of them on trial, and an order that was just paid is disputed.

    What the first one subscribes to has a meter for usage. Webhooks bring all of it to the shop.

    Raises:
        OSError: The sandbox does not answer.
    """
    begin = {"op": "create_subscription", "product": 0, "interval": "MONTHLY"}
    priced = {"unitPrice": 3, "unitQuantity": 1}
    (order_id, *_) = _change(control_url, {"op": "create_order", "status": "COMPLETED"})
    _change(
        control_url,
        {"op": "create_meter", "product": 0, "event": METER, "fields": priced},
        {**begin, "customer": 0},
        {**begin, "customer": 1, "trial_days": TRIAL_DAYS},
        {"op": "dispute_order", "id": order_id},
    )


def _change(control_url: str, *changes: dict[str, Any]) -> list[str]:
    ids: list[str] = ask_sandbox(f"{control_url}/changes", list(changes))["data"]["ids"]
    return ids
