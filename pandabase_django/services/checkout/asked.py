"""The arguments of ``open_checkout``: checked, compared, and as the Checkout API takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
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

__all__ = ["PUBLIC_ID", "Asked", "user_exists", "user_id_of"]

PUBLIC_ID = "{session}"
"""Stands in an address for the session's public id."""

UNSAVED: Any = object()
MOST_FIELDS = 3
_KEPT = ("coupon_code", "purpose")  # here as well, where a database may refuse such characters
_JSON = ("context", "customer", "fields", "tax_id", "title", "description", "idempotency")
# In JSON; a NUL is an escape there, unless its backslash is one that was escaped itself.
_UNSTORABLE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|[\ud800-\udfff]")
_LONGEST = {"title": 128, "description": 500, "coupon_code": 64, "tax_id": 32, "purpose": 100}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Asked:
    """The arguments of ``open_checkout``; they are about a person, and no report shows them."""

    store: Store
    lines: list[Line]
    return_url: str
    cancel_url: str
    user_id: Any
    purpose: str
    context: Any
    customer: CustomerDetails | None
    coupon_code: str
    discount_limit_minor: int | None
    fields: list[CustomField]
    tax_id: str
    title: str
    description: str
    idempotency: str

    def check(self) -> None:
        """Look at addresses, at lengths, which the remote would refuse, and at what becomes JSON.

        Raises:
            ValueError: The user is not saved.
            TypeError: The context or another argument is no JSON.
            CheckoutRefused: An address is none, a text is too long, or there are too many fields.
        """
        if self.user_id is UNSAVED:
            raise ValueError("The user is not saved.")
        for name in ("return_url", "cancel_url"):
            if not _is_address(getattr(self, name)) and (self.cancel_url or name == "return_url"):
                raise refused(name, f"{name} must be an https address (http only to this machine).")
        for name in _JSON:
            if problem := _json_problem(getattr(self, name)):
                raise TypeError(f"{name} {problem}")
        for name, longest in _LONGEST.items():
            code = "coupon" if name == "coupon_code" else "text"
            if len(getattr(self, name)) > longest:
                raise refused(code, f"{name} has at most {longest} characters.")
            if name in _KEPT and printable(getattr(self, name)) != getattr(self, name):
                raise refused(code, f"{name} has characters that can't be printed.")
        if len(self.fields) > MOST_FIELDS:
            raise refused("text", f"A checkout has at most {MOST_FIELDS} fields.")

    def said_of_the_buyer(self) -> set[str]:
        """Texts that the remote may repeat when it refuses them; no message shows them."""
        defaults = [
            found.get("default_value", "")
            for one in self.fields
            for found in one.values()
            if isinstance(found, dict)
        ]
        return {self.coupon_code, self.tax_id, *_texts_in(self.customer), *_texts_in(defaults)}

    @property
    def subtotal_minor(self) -> int:
        """What the lines cost."""
        return subtotal_of(self.lines)

    def key(self) -> str:
        """What equal calls have in common; "" when none is equal to this one."""
        if self.user_id is None and not self.idempotency:
            return ""
        parts = [
            self.store.pk,
            None if self.user_id is None else str(self.user_id),
            self.idempotency,
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


def _json_problem(value: Any) -> str:
    """Why a value can't be kept and sent as JSON; "" when it can.

    Returned and not raised: the codec's own error holds the value.
    """
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    if _UNSTORABLE.search(text):
        return "has characters that can't be kept or sent: NUL, surrogates."
    return ""


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)


def _is_address(url: str) -> bool:
    """Whether a buyer may be sent there."""
    fields = Fields({"url": url.replace(PUBLIC_ID, "0" * 32)}, kind="checkout")
    return fields.address("url") is not None


def user_id_of(user: Any) -> Any:
    """The key of a shop's user; None for a guest, ``UNSAVED`` for one that has none yet."""
    if user is None or getattr(user, "is_anonymous", False):
        return None
    return UNSAVED if user.pk is None else user.pk


def user_exists(user_id: Any) -> bool:
    """Whether the user is there still; a guest always is."""
    users = get_user_model()._base_manager  # the shop's own may hide some
    return user_id is None or users.filter(pk=user_id).exists()
