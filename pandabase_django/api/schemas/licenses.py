"""A licence, with its key out of sight.

Lists and single answers show each key in clear (Source: P-51). It is taken out of an answer before
anything reads the rest: no payload, error or frame holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from pandabase_django.api.digests import digest_of
from pandabase_django.api.reading import Fields
from pandabase_django.api.schemas.base import Parsed
from pandabase_django.api.schemas.declared import identifier, reference, text, time
from pandabase_django.exceptions import ProtocolError

__all__ = ["License", "LicenseVerification", "hide_keys", "read_license"]

SHOWN = 4
LONG_ENOUGH_TO_SHOW = 8


class _HiddenKey:
    """A key that only ``reveal`` gives."""

    __slots__ = ("reveal",)

    reveal: Callable[[], str]

    def __init__(self, key: object) -> None:
        text = key if isinstance(key, str) else ""
        self.reveal = lambda: text

    def __repr__(self) -> str:
        return "••••"


def _no_key() -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class License(Parsed):
    """A licence, the same in the list and alone (Source: P-51); ``read_license`` reads one.

    Attributes:
        status: AVAILABLE, CLAIMED or REVOKED.
        reveal: Gives the key; "" when none was shown. Pass it on; don't keep it in a variable.
        key_last_four: Its last characters; "" of a key shorter than eight.
        key_hash: By which it is looked up; "" until somebody who has a secret for that fills it in.
    """

    kind: ClassVar[str] = "license"
    id: str = identifier("license")
    status: str | None = text("status")
    product_id: str | None = reference("productId")
    variant_id: str | None = reference("variantId")
    order_id: str | None = reference("orderId")
    customer_id: str | None = reference("customerId")
    claimed_at: datetime | None = time("claimedAt")
    created_at: datetime | None = time("createdAt")
    reveal: Callable[[], str] = field(default=_no_key, repr=False, compare=False)
    key_last_four: str = ""
    key_hash: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the payload and the keyed hash of the key: another key is another digest."""
        return digest_of({**self.payload, "key": self.key_hash or self.key_last_four})


@dataclass(frozen=True, slots=True)
class LicenseVerification:
    """What the remote says of a key (Source: P-51).

    Attributes:
        valid: It may be used.
        status: AVAILABLE, CLAIMED or REVOKED; None of a key it does not know.
        expires_at: When it ends; None when it does not.
    """

    valid: bool
    status: str | None
    product_id: str | None
    customer_id: str | None
    expires_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> LicenseVerification:
        """Read an answer.

        Raises:
            ProtocolError: It does not say whether the key is valid.
        """
        f = Fields(data, kind="license verification")
        valid = f.boolean("valid")
        if valid is None:
            raise ProtocolError("An answer does not say whether a licence is valid.")
        return cls(
            valid=valid,
            status=f.text("status"),
            product_id=f.reference("productId"),
            customer_id=f.reference("customerId"),
            expires_at=f.time("expiresAt"),
        )


def hide_keys(data: Any) -> None:
    """Take the keys out of a list's answer, in place."""
    items = data.get("items") if isinstance(data, dict) else None
    for item in items if isinstance(items, list) else ():
        _hide_key(item)


def read_license(data: object) -> License:
    """Read one licence; its key is gone from ``data`` then.

    Raises:
        ProtocolError: It is no object, or has no usable id.
    """
    hidden = _hide_key(data)
    if isinstance(data, dict):
        data.pop("key", None)
    item = License.from_json(data)
    return replace(item, reveal=hidden.reveal, key_last_four=_last_four(hidden))


def _hide_key(data: Any) -> _HiddenKey:
    if not isinstance(data, dict) or data.get("key") is None:
        return _HiddenKey(None)
    if not isinstance(data["key"], _HiddenKey):
        data["key"] = _HiddenKey(data["key"])
    hidden: _HiddenKey = data["key"]
    return hidden


def _last_four(hidden: _HiddenKey) -> str:
    key = hidden.reveal()
    return key[-SHOWN:] if len(key) >= LONG_ENOUGH_TO_SHOW else ""
