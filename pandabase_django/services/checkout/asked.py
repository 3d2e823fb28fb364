"""The arguments of ``open_checkout``: checked, compared, and as the Checkout API takes them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.crypto import salted_hmac

from pandabase_django.api.params import CheckoutBody, CustomerDetails, CustomField
from pandabase_django.api.reading import Fields
from pandabase_django.models import CheckoutSession, Store
from pandabase_django.printable import printable
from pandabase_django.services.checkout.lines import LEAST_MINOR, MOST_MINOR, Line, subtotal_of
from pandabase_django.services.checkout.refusals import refused
from pandabase_django.services.purchases.reference import metadata_for

__all__ = ["PUBLIC_ID", "Asked", "address", "user_exists", "user_id_of"]

PUBLIC_ID = "{session}"
"""Stands in an address for the session's public id."""

MOST_FIELDS = 3
_KEPT = ("coupon_code", "purpose")  # here as well, where a database may refuse such characters
# In JSON; a NUL is an escape there, unless its backslash is one that was escaped itself.
_UNSTORABLE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|[\ud800-\udfff]")
_LONGEST = {"title": 128, "description": 500, "coupon_code": 64, "tax_id": 32, "purpose": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments of ``open_checkout``."""

    store: Store
    lines: list[Line]
    return_url: str
    cancel_url: str
    user_id: Any
    purpose: str
    context: Any = field(repr=False)
    customer: CustomerDetails | None = field(repr=False)
    coupon_code: str
    discount_limit_minor: int | None
    fields: list[CustomField]
    tax_id: str = field(repr=False)
    title: str
    description: str

    def check(self) -> None:
        """Look at lengths, which the remote would refuse, and at the context.

        Raises:
            TypeError: The context is no JSON.
            CheckoutRefused: A text is too long, or there are too many fields.
        """
        for name, longest in _LONGEST.items():
            value = getattr(self, name)
            code = "coupon" if name == "coupon_code" else "text"
            if len(value) > longest:
                raise refused(code, f"{name} has at most {longest} characters.")
            if name in _KEPT and printable(value) != value:
                raise refused(code, f"{name} has characters that can't be printed.")
        if len(self.fields) > MOST_FIELDS:
            raise refused("text", f"A checkout has at most {MOST_FIELDS} fields.")
        try:
            text = json.dumps(self.context, allow_nan=False, ensure_ascii=False)
        except ValueError as error:
            raise TypeError(f"The context is no JSON: {error}") from None
        if _UNSTORABLE.search(text):
            raise TypeError(
                "The context has characters that PostgreSQL can't keep: NUL, surrogates."
            )

    @property
    def subtotal_minor(self) -> int:
        """What the lines cost."""
        return subtotal_of(self.lines)

    def key(self, idempotency: str) -> str:
        """What equal calls have in common; "" when none is equal to this one."""
        if self.user_id is None and not idempotency:
            return ""
        parts = [
            self.store.pk,
            None if self.user_id is None else str(self.user_id),
            idempotency,
            [line.to_json() for line in self.lines],
            [self.return_url, self.cancel_url, self.purpose, self.context, self.customer],
            [self.coupon_code, self.discount_limit_minor, self.fields, self.tax_id],
            [self.title, self.description],
        ]
        text = json.dumps(parts, sort_keys=True)
        # Keyed, since it is made of personal data among others.
        salt = "pandabase_django.checkout.same"
        return salted_hmac(salt, text, algorithm="sha256").hexdigest()

    def body(self, session: CheckoutSession) -> CheckoutBody:
        """What is sent."""
        body: CheckoutBody = {
            "items": [line.to_body() for line in self.lines],
            "metadata": metadata_for(session.reference),
            "return_url": session.return_url,
        }
        # The remote itself refuses a price that has changed. It takes no other sums here.
        if LEAST_MINOR <= self.subtotal_minor <= MOST_MINOR:
            body["amount"] = self.subtotal_minor
        if session.cancel_url:
            body["cancel_url"] = session.cancel_url
        if self.customer is not None:
            body["customer"] = self.customer
        if self.fields:
            body["display"] = {"fields": self.fields}
        if self.coupon_code:
            body["coupon_code"] = self.coupon_code
        if self.tax_id:
            body["tax_id"] = self.tax_id
        if self.title:
            body["title"] = self.title
        if self.description:
            body["description"] = self.description
        return body


def address(name: str, url: str) -> str:
    """An address that a buyer may be sent to, as it was given.

    Raises:
        CheckoutRefused: It is none.
    """
    shown = Fields({name: url.replace(PUBLIC_ID, "0" * 32)}, kind="checkout").address(name)
    if shown is None:
        raise refused(name, f"{name} must be an https address (http only to this machine).")
    return url


def user_id_of(user: Any) -> Any:
    """The key of a shop's user; None for a guest.

    Raises:
        ValueError: The user is not saved.
    """
    if user is None or getattr(user, "is_anonymous", False):
        return None
    if user.pk is None:
        raise ValueError("The user is not saved.")
    return user.pk


def user_exists(user_id: Any) -> bool:
    """Whether the user is there still; a guest always is."""
    users = get_user_model()._base_manager  # the shop's own may hide some
    return user_id is None or users.filter(pk=user_id).exists()
