"""A text that no log, page, pickle or traceback shows."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["ENCODING", "MASK", "SealedSecret", "Secret", "hint_of"]

# A lone surrogate must not turn into an error that carries the text.
ENCODING = ("utf-8", "surrogatepass")
MASK = "••••"
SHOWN = 4
LONG_ENOUGH_TO_HINT = 16


def hint_of(text: str) -> str:
    """What may be shown of a secret: its last four characters, if it has sixteen or more."""
    return MASK + (text[-SHOWN:] if len(text) >= LONG_ENOUGH_TO_HINT else "")


class Secret:
    """Holds a text; ``reveal`` is the one way to it.

    Two secrets are equal when their texts are; the comparison takes constant time. There is no
    hash, no pickle and no JSON of a secret.
    """

    __slots__ = ("_reveal", "hint")
    __hash__ = None  # type: ignore[assignment]

    _reveal: Callable[[], str]
    hint: str

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError("A Secret is made from a str.")
        self._reveal = lambda: text
        self.hint = hint_of(text)

    def reveal(self) -> str:
        """The text itself. Pass it on; don't keep it in a variable."""
        return self._reveal()

    def __repr__(self) -> str:
        return self.hint

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return self.hint

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        if self is other:
            return True
        return hmac.compare_digest(
            self.reveal().encode(*ENCODING), other.reveal().encode(*ENCODING)
        )

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: Any) -> Secret:
        return self

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise TypeError("A secret can't be pickled. Pass the row's primary key instead.")


class SealedSecret(Secret):
    """A stored secret: opened when it is revealed, shown by the hint stored beside it.

    Attributes:
        sealed: The stored text.
        sealed_for: The place it may be opened at, as the keyring defines it.
    """

    __slots__ = ("sealed", "sealed_for")

    sealed: str
    sealed_for: object

    def __init__(
        self, sealed: str, *, hint: str, sealed_for: object, opener: Callable[[], str]
    ) -> None:
        self.sealed = sealed
        self.sealed_for = sealed_for
        self.hint = hint or MASK
        self._reveal = opener

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SealedSecret) and other.sealed == self.sealed:
            return True
        return super().__eq__(other)
