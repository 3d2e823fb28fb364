"""Turns answer bytes into data that both databases can store.

PostgreSQL refuses U+0000 and lone surrogates in text, and JSON has no NaN. Such values are
replaced here, once, and named by their path, so that nothing behind has to think of them.

Answers that hold nothing of the kind take a faster way to the same data: by msgspec, and the
objects of a list only when their values are asked for. Whatever msgspec refuses is read by the
standard library, whose word is the last.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from pandabase_django.exceptions import ProtocolError

__all__ = ["Content", "Decoded", "content_of", "decode", "partly"]

T = TypeVar("T")

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# In valid JSON both can only be escapes; without one of these the data is clean.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _Envelope(msgspec.Struct):
    ok: bool
    data: msgspec.Raw


class _List(msgspec.Struct):
    items: list[msgspec.Raw]
    pagination: msgspec.Raw


# Of a key that comes twice all of these take the last value, as the standard library does.
_value = msgspec.json.Decoder().decode
_envelope = msgspec.json.Decoder(_Envelope).decode
_list = msgspec.json.Decoder(_List).decode
# A DecodeError is a ValueError, and so is what an invalid character of UTF-8 raises.
_REFUSED = (ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded JSON.

    Attributes:
        data: The value.
        replaced: One sentence for each place where something was replaced.
    """

    data: Any
    replaced: tuple[str, ...] = ()


class Content:
    """What was under ``data`` in an envelope; decoded when it is asked for.

    Args:
        decoded: What was decoded at once.
        raw: Instead, the bytes, which are valid JSON.
    """

    __slots__ = ("_decoded", "_raw")

    def __init__(self, decoded: Decoded | None, raw: msgspec.Raw | None = None) -> None:
        self._decoded, self._raw = decoded, raw

    @property
    def decoded(self) -> Decoded:
        """All of it.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        if self._decoded is None:
            self._decoded = decode(bytes(self._raw or b"null"))
        return self._decoded

    @property
    def listed(self) -> Decoded:
        """The same of a list, with nothing but its ``items`` and ``pagination``.

        Items may be ``msgspec.Raw``, a part of the answer's bytes. Of what is replaced elsewhere
        only great numbers can be in them.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        if self._raw is None:
            return self.decoded
        try:
            read = _list(self._raw)
        except _REFUSED:
            return self.decoded
        pagination = decode(bytes(read.pagination))
        return Decoded({"items": read.items, "pagination": pagination.data}, pagination.replaced)


def content_of(body: bytes) -> Content | None:
    """What the envelope of a success holds, when its texts can be stored as they came.

    None says nothing: the body may be one all the same, and is to be decoded then.
    """
    if _SUSPECT.search(body):
        return None
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into texts that it does not decode
        envelope = _envelope(body)
    except _REFUSED:
        return None
    return Content(None, envelope.data) if envelope.ok else None


def partly(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T | None:
    """Those fields of an object that a type names; None when they are not as it says."""
    try:
        return decoder.decode(raw)
    except _REFUSED:
        return None


def decode(body: bytes) -> Decoded:
    """Decode a JSON body.

    Raises:
        ProtocolError: It is not JSON in UTF-8, or nested or numbered beyond any sense. No frame
            and no context of it holds the body, which may hold a secret.
    """
    decoded = _decoded(body)
    if decoded is None:
        problem = f"The answer is not JSON ({_first_words(body)})."
        del body
        raise ProtocolError(problem)
    return decoded


def _decoded(body: bytes) -> Decoded | None:
    if _SUSPECT.search(body) is None:
        try:
            return Decoded(_value(body))
        except _REFUSED:
            pass  # malformed, a NaN, or a number beyond every range
    return _decoded_slowly(body)


def _decoded_slowly(body: bytes) -> Decoded | None:
    constants: list[str] = []

    def constant(name: str) -> None:
        constants.append(f"{name} was replaced by null.")

    def number(text: str) -> float | None:
        value = float(text)
        if math.isfinite(value):
            return value
        constants.append("A number beyond every range was replaced by null.")
        return None

    def whole(text: str) -> int | None:
        try:
            return int(text)
        except ValueError:
            constants.append("A number of thousands of digits was replaced by null.")
            return None

    hooks: dict[str, Any] = {"parse_constant": constant, "parse_float": number}
    try:
        try:
            data = json.loads(body.decode(), **hooks)
        except ValueError:
            # Not at once, as it would cost a call for each number of a million rows.
            constants.clear()
            data = json.loads(body.decode(), parse_int=whole, **hooks)
        if _SUSPECT.search(body) is None:
            return Decoded(data, tuple(constants))
        places: list[str] = []
        data = _clean(data, "", places)
    except (ValueError, RecursionError):
        return None
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
