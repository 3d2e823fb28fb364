"""Bodies of the Checkout API (Source: P-36). Amounts are minor units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = [
    "BillingAddress",
    "CatalogItem",
    "CheckoutBody",
    "CustomField",
    "CustomerDetails",
    "Display",
    "DropdownField",
    "DropdownOption",
    "EstimateBody",
    "FieldLabel",
    "FreeItem",
    "TextField",
]

# What may be left out is in a class of its own: ``NotRequired`` needs Python 3.11.


class _CatalogItem(TypedDict):
    product_id: str
    quantity: int


class CatalogItem(_CatalogItem, total=False):
    """A product of the store; the remote knows its price."""

    variant_id: str


class FreeItem(TypedDict):
    """A line that is no product: ``amount`` is the price of one piece."""

    name: str
    amount: int
    quantity: int


class _BillingAddress(TypedDict):
    line1: str
    city: str
    state: str
    postal_code: str
    country: str


class BillingAddress(_BillingAddress, total=False):
    """``country`` is an ISO 3166 code of two letters."""

    line2: str


class CustomerDetails(TypedDict):
    """What the pay page is filled with."""

    name: str
    email: str
    billing: BillingAddress


class FieldLabel(TypedDict):
    """What the customer reads beside a field."""

    type: Literal["custom"]
    custom: str


class TextField(TypedDict, total=False):
    """Of a text, or of digits."""

    default_value: str
    minimum_length: int
    maximum_length: int


class DropdownOption(TypedDict):
    """One choice."""

    label: str
    value: str


class DropdownField(TypedDict, total=False):
    """Of a choice."""

    default_value: str
    options: Sequence[DropdownOption]


class _CustomField(TypedDict):
    key: str
    label: FieldLabel
    type: Literal["text", "numeric", "dropdown"]


class CustomField(_CustomField, total=False):
    """A field that the customer fills in on the pay page. Source: P-39."""

    optional: bool
    text: TextField
    numeric: TextField
    dropdown: DropdownField


class Display(TypedDict, total=False):
    """How the pay page looks: at most three fields."""

    fields: Sequence[CustomField]


class _CheckoutBody(TypedDict):
    items: Sequence[CatalogItem | FreeItem]


class CheckoutBody(_CheckoutBody, total=False):
    """A checkout session. ``amount``, when given, must be the sum of the items."""

    title: str
    description: str
    amount: int
    customer: CustomerDetails
    coupon_code: str
    tax_id: str
    display: Display
    metadata: dict[str, str]
    return_url: str
    cancel_url: str


class _EstimateBody(TypedDict):
    items: Sequence[CatalogItem | FreeItem]
    country: str


class EstimateBody(_EstimateBody, total=False):
    """What would have to be paid from a country."""

    state: str
    coupon_code: str
    tax_id: str
