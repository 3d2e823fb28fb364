"""When two e-mail addresses are one person's.

Case counts for nothing, as with all providers in use, and neither does the way in which an accent
or a domain is written. Everything else makes another address: a tag behind a plus, a dot, a letter
that only looks alike. Those are shown as similar, for a person to decide.
"""

from __future__ import annotations

import json
import re
import unicodedata
from urllib.parse import quote

__all__ = ["is_similar", "normal_address", "pattern_of", "spellings", "written_forms"]

# An escape of a page's address, or of a text in a text: what follows begins anew.
_ESCAPE = r"(?<=%[0-9A-F]{2})(?<!%2B)(?<!%2E)(?<!%2D)|(?<=\\[nrt])"
# What would make another address of it: joann@, x.ann@, x+ann@, and .com.au or .com-pany.
_WHOLE = rf"(?:(?<![\w.+-])|{_ESCAPE})(?:{{}})(?!-?\w)(?!\.\w)"
# Within a text of words that are joined, such as a key: answer-ann@example.com-3.
_JOINED = rf"(?:(?<![^\W_])|{_ESCAPE})(?:{{}})(?![^\W_])"


def normal_address(address: str) -> str:
    """The address as it is compared; "" of what is none."""
    text = address.strip().lower()
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


def pattern_of(address: str, *, joined: bool = False) -> re.Pattern[str]:
    """Finds the address in a text, and no other one that only contains it.

    Args:
        address: The address.
        joined: Hyphens, dots and the like may stand at both ends, as in a key.
    """
    forms = sorted(map(re.escape, written_forms(address)), key=len, reverse=True)
    return re.compile((_JOINED if joined else _WHOLE).replace("{}", "|".join(forms)), re.IGNORECASE)


def is_similar(one: str, other: str) -> bool:
    """Whether two different addresses may be one person's."""
    return normal_address(one) != normal_address(other) and _skeleton(one) == _skeleton(other)


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
