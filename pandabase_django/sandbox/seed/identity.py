"""Ids that carry an index, so that any object is found by its id without a table.

An id is a prefix and 24 characters: 40 masked bits of index and 80 bits of tag. The tag proves
that this seed made the id, so that a mistyped id is "not found" rather than another object. None
of this is security: the seed is no secret.
"""

from __future__ import annotations

from base64 import b32decode
from hashlib import blake2b
from typing import ClassVar

__all__ = ["GHOST_BASE", "ODD_ENDINGS", "PREFIXES", "RUNTIME_BASE", "Identities"]

PREFIXES = {
    "store": "shp_",
    "product": "prd_",
    "variant": "var_",
    "category": "ctg_",
    "coupon": "cpn_",
    "order": "ord_",
    "item": "itm_",
    "customer": "cus_",
    "payment": "pmt_",
    "address": "badr_",
    "refund": "rfd_",
    "dispute": "dsp_",
    "entry": "ble_",
    "payout": "pto_",
    "bank_account": "bnk_",
    "webhook": "whk_",
    "event": "evt_",
    "subscription": "sub_",
    "license": "lic_",
    "meter": "umt_",
    "usage": "uev_",
    "case": "case_",
    "message": "cmsg_",
    "report": "rpt_",
    "token": "stk_",
}

RUNTIME_BASE = 1 << 36
"""Indexes from here on belong to objects without a seeded twin, such as new refunds."""

GHOST_BASE = 1 << 35
"""Product indexes from here on were deleted long ago: orders name them, nothing else knows them."""

ODD_ENDINGS = (":1", " 1", "/../x", "+1=", "ö", "%2F", "?a=b#c", "\\'\"<b>")
"""What a legitimate id may hold beyond letters, digits, ``_`` and ``-``."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_FROM_VENDOR = bytes.maketrans(_ALPHABET.encode(), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_LENGTH = 24
_INDEX_BYTES = 5


class Identities:
    """Makes and reads the ids of one seed."""

    KEPT: ClassVar[tuple[str, ...]] = ("_renamed", "_indexes_of_renamed")

    def __init__(self, seed: int) -> None:
        self._salts = {
            kind: blake2b(f"id:{seed}:{kind}".encode(), digest_size=16).digest()
            for kind in (*PREFIXES, "order_number")
        }
        self._renamed: dict[tuple[str, int], str] = {}
        self._indexes_of_renamed: dict[tuple[str, str], int] = {}

    def rename(self, kind: str, index: int, text: str) -> None:
        """Give an object an id of any form."""
        self._renamed[kind, index] = text
        self._indexes_of_renamed[kind, text] = index

    def make(self, kind: str, index: int) -> str:
        """The id of object ``index`` (0 to 2**40 - 1) of a kind."""
        if (kind, index) in self._renamed:
            return self._renamed[kind, index]
        salt = self._salts[kind]
        tag = blake2b(salt + index.to_bytes(_INDEX_BYTES, "big"), digest_size=10).digest()
        mask = blake2b(salt + tag, digest_size=_INDEX_BYTES).digest()
        head = index ^ int.from_bytes(mask, "big")
        low = int.from_bytes(tag, "big")
        return PREFIXES[kind] + (
            f"{_PAIRS[head >> 30]}{_PAIRS[head >> 20 & 1023]}"
            f"{_PAIRS[head >> 10 & 1023]}{_PAIRS[head & 1023]}"
            f"{_PAIRS[low >> 70]}{_PAIRS[low >> 60 & 1023]}"
            f"{_PAIRS[low >> 50 & 1023]}{_PAIRS[low >> 40 & 1023]}"
            f"{_PAIRS[low >> 30 & 1023]}{_PAIRS[low >> 20 & 1023]}"
            f"{_PAIRS[low >> 10 & 1023]}{_PAIRS[low & 1023]}"
        )

    def index_of(self, kind: str, text: str) -> int | None:
        """The index inside an id; None when this seed never made that id."""
        if (kind, text) in self._indexes_of_renamed:
            return self._indexes_of_renamed[kind, text]
        prefix = PREFIXES[kind]
        if not text.startswith(prefix) or len(text) != len(prefix) + _LENGTH:
            return None
        tail = text[len(prefix) :]
        if any(character not in _ALPHABET for character in tail):
            return None
        raw = b32decode(tail.encode().translate(_FROM_VENDOR))
        salt, tag = self._salts[kind], raw[_INDEX_BYTES:]
        mask = blake2b(salt + tag, digest_size=_INDEX_BYTES).digest()
        index = int.from_bytes(raw[:_INDEX_BYTES], "big") ^ int.from_bytes(mask, "big")
        return index if self.make(kind, index) == text else None

    def order_number(self, index: int) -> str:
        """The number a buyer sees: ``cs_`` and 16 hexadecimal digits that carry the index."""
        salt = self._salts["order_number"]
        tag = blake2b(salt + index.to_bytes(_INDEX_BYTES, "big"), digest_size=3).digest()
        mask = blake2b(salt + tag, digest_size=_INDEX_BYTES).digest()
        head = index ^ int.from_bytes(mask, "big")
        return "cs_" + head.to_bytes(_INDEX_BYTES, "big").hex() + tag.hex()

    def index_of_order_number(self, text: str) -> int | None:
        """The index inside an order number; None when this seed never made it."""
        try:
            raw = bytes.fromhex(text.removeprefix("cs_"))
        except ValueError:
            return None
        if len(raw) != _INDEX_BYTES + 3:
            return None
        mask = blake2b(
            self._salts["order_number"] + raw[_INDEX_BYTES:], digest_size=_INDEX_BYTES
        ).digest()
        index = int.from_bytes(raw[:_INDEX_BYTES], "big") ^ int.from_bytes(mask, "big")
        return index if self.order_number(index) == text else None
