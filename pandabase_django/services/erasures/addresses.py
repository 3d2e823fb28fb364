"""When two e-mail addresses are one person's.

Case counts for nothing, as with all providers in use, and neither does the way in which an accent
or a domain is written. Everything else makes another address: a tag behind a plus, a dot, a letter
that only looks alike. Those are shown as similar, for a person to decide.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

__all__ = [
    "is_similar",
    "normal_address",
    "spellings",
    "with_addresses_replaced",
    "written_forms",
]

_AT = re.compile("@|%40")
_MORE = re.compile(r"[\s<>]")  # such as a name before it
_BEFORE = re.compile(r"[^\s<>\"(),;:\[\]@]{1,320}\Z")
_AFTER = re.compile(r"(?:[\w.\\%-]|[\u0300-\u036f]){1,320}")
# An escape of a page's address, or of a text in a text: what follows begins anew.
_ESCAPE = re.compile(r"(?:%(?!2B|2E|2D)[0-9A-F]{2}|\\[nrt])\Z", re.IGNORECASE)
_LETTER = re.compile(r"\\u([0-9a-f]{4})", re.IGNORECASE)
# What would make another address of it: joann@, x.ann@, x+ann@, and .com.au or .com-pany.
_GOES_ON_BEFORE = re.compile(r"[\w.+-]\Z")
_GOES_ON_AFTER = re.compile(r"[.-]?\w")
# Within a text of words that are joined, such as a key: answer-ann@example.com-3.
_JOINED_WORD = re.compile(r"[^\W_]")
MOST_PLACES = 40  # on each side of an @; those that are nearest to it


def normal_address(address: str) -> str:
    """The address as it is compared; "" of what is none, or more than one."""
    text = address.strip().lower()
    if _MORE.search(text) and not text.startswith('"'):
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    local, at, domain = text.rpartition("@")
    return f"{local}@{_ascii(domain)}" if at and local and domain else ""


def spellings(address: str) -> set[str]:
    """Ways in which a table may have it; case aside."""
    normal = normal_address(address)
    local, _, domain = normal.rpartition("@")
    domains = {domain, _unicode(domain)}
    found = {address.strip(), *(f"{local}@{one}" for one in domains)}
    # SQLite ignores case only of ASCII, PostgreSQL by its collation.
    found |= {
        other
        for one in found
        if not one.isascii()
        for other in (one.lower(), one.upper(), one[:1].upper() + one[1:])
    }
    return {unicodedata.normalize(form, one) for one in found if one for form in ("NFC", "NFD")}


def written_forms(address: str) -> set[str]:
    """The same, and as addresses of pages and JSON have it."""
    found = spellings(address)
    found |= {quote(one, safe=safe) for one in found for safe in ("", "@", "+")}
    return found | {json.dumps(one)[1:-1] for one in found}


def with_addresses_replaced(
    text: str, by: str, *, is_theirs: Callable[[str], bool], joined: bool = False
) -> str:
    """A text without certain addresses; others that only contain one of them stay.

    Args:
        text: The text. In it an address may be written as in a page's address, or in JSON.
        by: What stands in their place.
        is_theirs: Whether an address is meant.
        joined: Hyphens, dots and the like may stand at both ends, as in a key.
    """
    done, end = "", 0
    for at in _AT.finditer(text):
        if at.start() < end:
            continue
        for start, stop in _places(text, at, after=end, joined=joined):
            address = _decoded(text[start:stop])
            if normal_address(address) and is_theirs(address):
                done += text[end:start] + by
                end = stop
                break
    return done + text[end:]


def is_similar(one: str, other: str) -> bool:
    """Whether two different addresses may be one person's."""
    return normal_address(one) != normal_address(other) and _skeleton(one) == _skeleton(other)


def _places(text: str, at: re.Match[str], *, after: int, joined: bool) -> Iterator[tuple[int, int]]:
    """Where an address with this @ may begin and end, the longest first."""
    before = _BEFORE.search(text[max(after, at.start() - 320) : at.start()])
    behind = _AFTER.match(text, at.end())
    if before is None or behind is None:
        return
    first = at.start() - len(before.group())
    starts = [i for i in range(first, at.start()) if i == after or _begins(text, i, joined)]
    stops = [i for i in range(behind.end(), at.end(), -1) if _ends(text, i, joined)]
    for start in starts[-MOST_PLACES:]:
        for stop in stops[-MOST_PLACES:]:
            yield start, stop


def _begins(text: str, i: int, joined: bool) -> bool:
    if unicodedata.combining(text[i]):
        return False
    goes_on = (
        _JOINED_WORD.match(text, i - 1, i) if joined else _GOES_ON_BEFORE.match(text, i - 1, i)
    )
    return not (goes_on or unicodedata.combining(text[i - 1])) or bool(
        _ESCAPE.search(text[max(0, i - 3) : i])
    )


def _ends(text: str, i: int, joined: bool) -> bool:
    if unicodedata.combining(text[i : i + 1] or " "):
        return False
    return not (_JOINED_WORD if joined else _GOES_ON_AFTER).match(text, i)


def _decoded(text: str) -> str:
    if "%" in text:
        text = unquote(text)
    return _LETTER.sub(lambda found: chr(int(found[1], 16)), text) if "\\" in text else text


def _skeleton(address: str) -> str:
    local, _, domain = normal_address(address).rpartition("@")
    plain = unicodedata.normalize("NFKD", local.partition("+")[0]).replace(".", "")
    return "".join(c for c in plain if not unicodedata.combining(c)) + "@" + domain


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain  # most are, and each row of a list is looked at
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def _unicode(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain
