"""Makes text that others wrote fit for a terminal, a log line, a message and a spreadsheet."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

__all__ = ["cell", "csv_lines", "is_storable", "printable", "storable"]

# Controls, C1 among them; marks that turn the order of writing or can't be seen; lone surrogates.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters and marks that show nothing: fillers, the grapheme joiner, selectors. (Emoji need U+FE0F.)
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufe00-\ufe0e"
    "\U000e0100-\U000e01ef]"
)
# PostgreSQL keeps neither in text, and UTF-8 has no form for the second.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
BREAKS = ("\t", "\r", "\n")
# A spreadsheet takes a text that begins so for a formula; the last four are their wide forms.
_STARTS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
# What is not seen in front of it may be dropped by whoever reads the file.
_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_FORMULA = re.compile(rf"[{_UNSEEN}]*{_STARTS}")
# One that separates by semicolons, as Excel does where numbers have commas, sees cells in a
# text. It loses the quotes around the text, and so takes those inside for those of a cell.
_INNER_FORMULA = re.compile(rf"([;\t\r\n][{_UNSEEN}\"]*)(?={_STARTS})")
BYTE_ORDER_MARK = "\ufeff"  # spreadsheets take the file for UTF-8 by it


def printable(text: str) -> str:
    """The text on one line, without anything that steers a terminal or hides a part of it.

    Breaks and tabs become spaces, all else that is unfit the replacement character.
    """
    if not text.isascii():
        text = _BLANK.sub("\N{REPLACEMENT CHARACTER}", text)
    if text.isprintable():
        return text
    return "".join(map(_fit, text))


def is_storable(text: str) -> bool:
    """Whether every database keeps it. PostgreSQL answers a query for another text by an error."""
    return not _UNSTORABLE.search(text)


def storable(text: str) -> str:
    """The text as every database keeps it and any request carries it: no NUL, no lone surrogate."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _fit(character: str) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character) in _UNFIT:
        return "\N{REPLACEMENT CHARACTER}"
    return character


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The lines of a file, each ended, for rows of values; the first row has the titles."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    mark = BYTE_ORDER_MARK
    for row in rows:
        yield mark + writer.writerow([cell(value) for value in row])
        mark = ""


def cell(value: Any) -> str:
    """A value as a spreadsheet may be given it.

    A text that would be a formula gets an apostrophe in front, which spreadsheets show as text;
    so does what would be one behind a semicolon, a tab or a line break. Numbers keep their sign.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = _INNER_FORMULA.sub(r"\1'", str(value))
    return f"'{text}" if _FORMULA.match(text) or text[:1] in BREAKS else text


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
