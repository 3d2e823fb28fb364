"""How one object is shown in different places: list items, nested references, JSON text."""

from __future__ import annotations

import json
from typing import Any

from pandabase_django.sandbox.seed.timeline import iso

__all__ = [
    "Json",
    "copy_json",
    "dispute_payload",
    "dump_json",
    "order_item",
    "order_reference",
    "page",
    "payment_detail",
    "payment_item",
    "refund_payload",
    "set_path",
]

Json = dict[str, Any]

DISPUTE_FEE = 2_000

_ORDER_ITEM_KEYS = (
    "id",
    "orderNumber",
    "status",
    "amount",
    "currency",
    "discounted",
    "discountCode",
    "customer",
    "payment",
    "createdAt",
)
_PAYMENT_ITEM_KEYS = (
    "id",
    "referenceId",
    "amount",
    "totalAmount",
    "status",
    "pspProvider",
    "paymentMethod",
    "couponCode",
)
_PAYMENT_DETAIL_KEYS = (
    "discountAmount",
    "platformFeeAmount",
    "pspFeeAmount",
    "taxAmount",
    "settledAmount",
    "presentmentCurrency",
    "presentmentAmount",
    "exchangeRate",
    "taxId",
)


def copy_json(value: Any) -> Any:
    """A deep copy of what JSON can hold, at a tenth of ``deepcopy``'s cost."""
    if isinstance(value, dict):
        return {key: copy_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copy_json(inner) for inner in value]
    return value


def dump_json(value: Any) -> str:
    """Compact JSON. NaN passes, and lone surrogates leave as escapes: tests plant both."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def page(items: list[str], *, page_number: int, limit: int, total: int) -> bytes:
    """The envelope of a list, from items that are JSON text already. Source: P-19."""
    pages = -(-total // limit)
    return (
        f'{{"ok":true,"data":{{"items":[{",".join(items)}],"pagination":{{"page":{page_number},'
        f'"limit":{limit},"total":{total},"totalPages":{pages}}}}}}}'
    ).encode()


def order_item(detail: Json) -> Json:
    """An order as a list shows it. A key that the detail lost is lost here too."""
    item = {key: detail[key] for key in _ORDER_ITEM_KEYS if key in detail}
    payment = item.get("payment")
    if isinstance(payment, dict):
        item["payment"] = {key: payment[key] for key in ("status", "totalAmount") if key in payment}
    return item


def order_reference(detail: Json, *keys: str) -> Json:
    """An order as a refund, dispute or payment names it."""
    return {key: detail.get(key) for key in ("id", "orderNumber", *keys)}


def payment_item(detail: Json, *, country: str | None) -> Json:
    """The payment of an order as a list of payments shows it."""
    payment = detail["payment"]
    item = {key: payment.get(key) for key in _PAYMENT_ITEM_KEYS}
    item["country"] = country
    item["customer"] = detail.get("customer")
    item["order"] = order_reference(detail, "status")
    item["createdAt"] = payment.get("createdAt")
    return item


def payment_detail(detail: Json, *, customer: Any, geo: Json, dispute: Json | None) -> Json:
    """The payment of an order as its own GET shows it."""
    payment = detail["payment"]
    full = payment_item(detail, country=geo.get("country"))
    full["customer"] = customer
    full["order"] = order_reference(detail, "status", "amount", "currency")
    full.update({key: payment.get(key) for key in _PAYMENT_DETAIL_KEYS})
    full.update(
        ipAddress="192.0.2.7",
        userAgent="Sandbox/1.0",
        geo=geo,
        dispute=dispute,
        timeline=[],
        availablePaymentMethods=["card", "klarna"],
        network=None,
        updatedAt=detail.get("updatedAt"),
    )
    return full


def refund_payload(
    identity: str, *, amount: Any, status: str, reason: Any, created_ms: int, updated_ms: int
) -> Json:
    """A refund as its own GET shows it, but for its order. Source: P-23."""
    return {
        "id": identity,
        "amount": amount,
        "status": status,
        "reason": reason,
        "createdAt": iso(created_ms),
        "updatedAt": iso(updated_ms),
    }


def dispute_payload(
    identity: str, order: Json, *, status: str | None, reason: str, created_ms: int
) -> Json:
    """A dispute about an order as its own GET shows it, but for its order. Source: P-23."""
    payment = order["payment"] if isinstance(order["payment"], dict) else {}
    return {
        "id": identity,
        "reason": reason,
        "status": status,
        "evidence": None,
        "totalAmount": payment.get("totalAmount", order["amount"]),
        "amount": order["amount"],
        "fee": DISPUTE_FEE,
        "createdAt": iso(created_ms),
        "method": "card",
        "updatedAt": iso(created_ms),
    }


def set_path(target: Any, path: str, value: Any) -> None:
    """Set ``a.b.0.c`` inside nested dicts and lists.

    Raises:
        LookupError: A step on the way does not exist.
    """
    *steps, last = path.split(".")
    for step in steps:
        target = target[int(step)] if isinstance(target, list) else target[step]
    if isinstance(target, list):
        target[int(last)] = value
    else:
        target[last] = value
