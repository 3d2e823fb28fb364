"""Digests of remote objects: of what an object says, and of the bytes it came in.

The canonical one decides whether an object changed. The one of the bytes is much cheaper, since
nothing is decoded for it: bytes that were met before say what they said before. Other bytes may say
the same, when the remote orders its keys in another way; then only the digest is written again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = [
    "ERASED_DIGEST",
    "PARSER_VERSION",
    "bytes_digest",
    "digest_of",
    "paired",
    "says_the_same",
    "was_met",
]

PARSER_VERSION = 1  # raise it when a column is read differently: every row is then written again
# In place of a digest: what came before is not known, since a person was erased from it.
ERASED_DIGEST = "erased"
HALF = 32  # hex digits of each digest in a pair: 128 bits

_PREFIX = f"{PARSER_VERSION}\n".encode()
_BEGUN = hashlib.sha256(_PREFIX)
# Made once: json.dumps would make an encoder for each of a million rows.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
# Ten times as fast, and the same text but for numbers with a fraction or an exponent.
_fast = msgspec.json.Encoder(order="sorted").encode
# Two expressions: one that begins with fixed bytes is searched for seven times as fast.
_FRACTION = re.compile(rb'":-?[0-9]+[.eE]')
_FRACTION_IN_A_LIST = re.compile(rb"[\[,]-?[0-9]+[.eE]")


def digest_of(payload: Mapping[str, Any]) -> str:
    """SHA-256 over the parser's version and the canonical JSON of a payload, in hex.

    A number counts as it is written: 1.0 and 1e0 are one, 1 is another.
    """
    return hashlib.sha256(_PREFIX + _canonical_bytes(payload)).hexdigest()


def bytes_digest(raw: bytes | memoryview | msgspec.Raw) -> str:
    """Half a SHA-256 over the parser's version and an object's bytes, in hex."""
    made = _BEGUN.copy()
    made.update(raw)
    return made.hexdigest()[:HALF]


def paired(canonical: str, of_bytes: str) -> str:
    """Both digests in one column; ``of_bytes`` is empty when the bytes show nothing."""
    return canonical[:HALF] + of_bytes


def was_met(stored: str, of_bytes: str) -> bool:
    """Whether the column's last object came in these bytes."""
    return of_bytes != "" and stored[HALF:] == of_bytes


def says_the_same(stored: str, canonical: str) -> bool:
    """Whether the column's last object said the same.

    A column that was written before there were pairs holds a whole canonical digest; its first half
    is what counts of it.
    """
    return stored[:HALF] == canonical[:HALF]


def _canonical_bytes(payload: Mapping[str, Any]) -> bytes:
    try:
        text: bytes = _fast(payload)
    except (OverflowError, ValueError, TypeError, RecursionError):
        return _canonical(payload).encode()  # a number beyond 64 bits
    return _canonical(payload).encode() if _has_fraction(text) else text


def _has_fraction(text: bytes) -> bool:
    if _FRACTION.search(text):
        return True
    return b"[" in text and _FRACTION_IN_A_LIST.search(text) is not None
