"""Turns answer bytes into data that both databases can store.

PostgreSQL refuses U+0000 and lone surrogates in text, and JSON has no NaN. Such values are
replaced here, once, and named by their path, so that nothing behind has to think of them.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from pandabase_django.exceptions import ProtocolError

__all__ = ["Decoded", "decode"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# In valid JSON both can only stand as escapes; without one of these the data is clean.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded JSON.

    Attributes:
        data: The value.
        replaced: One sentence for each place where something was replaced.
    """

    data: Any
    replaced: tuple[str, ...] = ()


def decode(body: bytes) -> Decoded:
    """Decode a JSON body.

    Raises:
        ProtocolError: It is not JSON in UTF-8, or nested or numbered beyond any sense.
    """
    constants: list[str] = []

    def constant(name: str) -> None:
        constants.append(f"{name} was replaced by null.")

    def number(text: str) -> float | None:
        value = float(text)
        if math.isfinite(value):
            return value
        constants.append("A number beyond every range was replaced by null.")
        return None

    try:
        data = json.loads(body.decode(), parse_constant=constant, parse_float=number)
        if _SUSPECT.search(body) is None:
            return Decoded(data, tuple(constants))
        places: list[str] = []
        data = _clean(data, "", places)
    except (ValueError, RecursionError):
        raise ProtocolError(f"The answer is not JSON ({_first_words(body)}).") from None
    return Decoded(data, (*constants, *places))


def _clean(value: Any, path: str, places: list[str]) -> Any:
    if isinstance(value, str):
        if _UNSTORABLE.search(value) is None:
            return value
        places.append(f"{path or 'The answer'}: characters that can't be stored were replaced.")
        return _UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [_clean(item, f"{path}[{n}]", places) for n, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            (name := _clean(key, f"{path}.(name)", places)): _clean(item, f"{path}.{name}", places)
            for key, item in value.items()
        }
    return value


def _first_words(body: bytes) -> str:
    """What kind of thing came instead; never the thing itself, which may hold a secret."""
    start = body[:64].lstrip().lower()
    if not start:
        return "it is empty"
    if start.startswith((b"<!doctype", b"<html", b"<")):
        return "it looks like HTML"
    if start.startswith((b"{", b"[")):
        return f"{len(body)} bytes that break off or are malformed"
    return f"{len(body)} bytes"
