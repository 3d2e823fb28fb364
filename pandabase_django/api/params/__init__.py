"""What callers give to the APIs, as typed dicts in the remote's own spelling."""

from __future__ import annotations

from pandabase_django.api.params.checkout import (
    BillingAddress,
    CatalogItem,
    CheckoutBody,
    CustomerDetails,
    CustomField,
    Display,
    DropdownField,
    DropdownOption,
    EstimateBody,
    FieldLabel,
    FreeItem,
    TextField,
)

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
