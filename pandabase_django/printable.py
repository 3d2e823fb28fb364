"""Makes text that others wrote fit for a terminal, a log line and a message."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["printable"]

# Controls, C1 among them; marks that turn the order of writing or can't be seen; lone surrogates.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters and marks that show nothing: fillers, the grapheme joiner, selectors. (Emoji need U+FE0F.)
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufe00-\ufe0e"
    "\U000e0100-\U000e01ef]"
)


def printable(text: str) -> str:
    """The text on one line, without anything that steers a terminal or hides a part of it.

    Breaks and tabs become spaces, all else that is unfit the replacement character.
    """
    if not text.isascii():
        text = _BLANK.sub("\N{REPLACEMENT CHARACTER}", text)
    if text.isprintable():
        return text
    return "".join(map(_fit, text))


def _fit(character: str) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character) in _UNFIT:
        return "\N{REPLACEMENT CHARACTER}"
    return character
