"""What the Checkout API accepts, from the vendor's description. Whatever it refuses is 400."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pandabase_django.sandbox.api.validation import Field, Invalid, check_body
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.webhooks.posting import is_loopback

__all__ = ["MOST_CENTS", "checked_checkout", "checked_estimate"]

MOST_CENTS = 1_000_000
"""Of a free line, and of a whole checkout: 10,000 dollars."""

_MOST_ITEMS = 10
_MOST_METADATA = 20
_QUANTITY = Field(int, required=True, low=1, high=999)
_CATALOG_ITEM = {
    "product_id": Field(str, required=True, low=1, high=64),
    "variant_id": Field(str, low=1, high=64),
    "quantity": _QUANTITY,
}
_FREE_ITEM = {
    "name": Field(str, required=True, low=1, high=255),
    "amount": Field(int, required=True, low=100, high=MOST_CENTS),
    "quantity": _QUANTITY,
}
_BILLING = {
    "line1": Field(str, required=True, high=200),
    "line2": Field(str, high=200),
    "city": Field(str, required=True, high=100),
    "state": Field(str, required=True, high=100),
    "postal_code": Field(str, required=True, high=20),
    "country": Field(str, required=True, pattern="[A-Z]{2}"),
}
_CUSTOMER = {
    "name": Field(str, required=True, high=128),
    "email": Field(str, required=True, high=320, pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "billing": Field(dict, required=True, each=_BILLING),
}
_TYPED = {
    "default_value": Field(str, high=255),
    "minimum_length": Field(int, low=0),
    "maximum_length": Field(int, high=255),
}
_OPTION = {
    "label": Field(str, required=True, high=100),
    "value": Field(str, required=True, high=100, pattern="[a-zA-Z0-9_]+"),
}
_CUSTOM_FIELD = {
    "key": Field(str, required=True, high=200, pattern="[a-zA-Z0-9_]+"),
    "label": Field(
        dict,
        required=True,
        each={
            "type": Field(str, required=True, choices=("custom",)),
            "custom": Field(str, required=True, high=50),
        },
    ),
    "type": Field(str, required=True, choices=("text", "numeric", "dropdown")),
    "optional": Field(bool),
    "text": Field(dict, each=_TYPED),
    "numeric": Field(dict, each=_TYPED),
    "dropdown": Field(
        dict,
        each={
            "default_value": Field(str, high=100),
            "options": Field(list, low=1, high=200, each=_OPTION),
        },
    ),
}
_ITEMS = Field(list, required=True, low=1, high=_MOST_ITEMS)
_COUPON = Field(str, high=64)
_TAX_ID = Field(str, high=32)
_CHECKOUT = {
    "items": _ITEMS,
    "title": Field(str, low=1, high=128),
    "description": Field(str, low=1, high=500),
    "amount": Field(int, low=100, high=MOST_CENTS),
    "customer": Field(dict, each=_CUSTOMER),
    "coupon_code": _COUPON,
    "tax_id": _TAX_ID,
    "display": Field(dict, each={"fields": Field(list, high=3, each=_CUSTOM_FIELD)}),
    "metadata": Field(dict),
    "return_url": Field(str, high=2048),
    "cancel_url": Field(str, high=2048),
}
_ESTIMATE = {
    "items": _ITEMS,
    "country": Field(str, required=True, pattern="[A-Z]{2}"),
    "state": Field(str, high=64),
    "coupon_code": _COUPON,
    "tax_id": _TAX_ID,
}


def checked_checkout(body: Any, *, least_item: int) -> Json:
    """The body of a new session.

    Args:
        body: Parsed JSON.
        least_item: Least price of a free line, in cents. Source: P-45.

    Raises:
        Invalid: With status 400.
    """
    checked = _checked(body, _CHECKOUT, least_item=least_item)
    _check_metadata(checked.get("metadata", {}))
    for name in ("return_url", "cancel_url"):
        if name in checked and not _is_https(checked[name]):
            raise Invalid(f"{name} must use https", status=400)
    fields = checked.get("display", {}).get("fields", [])
    if len({field["key"] for field in fields}) < len(fields):
        raise Invalid("display.fields has a key twice", status=400)
    for field in fields:
        if field["type"] == "dropdown" and not field.get("dropdown", {}).get("options"):
            raise Invalid(f"display.fields: {field['key']} has no options", status=400)
    return checked


def checked_estimate(body: Any, *, least_item: int) -> Json:
    """The body of an estimate; see ``checked_checkout``.

    Raises:
        Invalid: With status 400.
    """
    return _checked(body, _ESTIMATE, least_item=least_item)


def _checked(body: Any, fields: dict[str, Field], *, least_item: int) -> Json:
    free = {**_FREE_ITEM, "amount": replace(_FREE_ITEM["amount"], low=least_item)}
    try:
        checked = check_body(body, fields)
        for item in checked["items"]:
            catalog = isinstance(item, dict) and "product_id" in item
            check_body(item, _CATALOG_ITEM if catalog else free)
    except Invalid as error:
        raise Invalid(str(error), status=400) from error
    return checked


def _check_metadata(metadata: Json) -> None:
    if len(metadata) > _MOST_METADATA:
        raise Invalid(f"metadata has more than {_MOST_METADATA} keys", status=400)
    for key, value in metadata.items():
        if not isinstance(value, str) or len(key) > 40 or len(value) > 500:
            raise Invalid("metadata takes texts: keys of 40, values of 500 characters", status=400)


def _is_https(url: str) -> bool:
    """https; or http to this machine, which the real remote refuses: a shop is developed there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or any(character <= " " for character in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
