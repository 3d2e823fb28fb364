"""When two e-mail addresses are one person's.

Case counts for nothing, as with all providers in use, and neither does the way in which an accent
or a domain is written. Everything else makes another address: a tag behind a plus, a dot, a letter
that only looks alike. Those are shown as similar, for a person to decide.
"""

from __future__ import annotations

import unicodedata

__all__ = ["is_similar", "normal_address", "spellings"]


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
    return {unicodedata.normalize(form, one) for one in found if one for form in ("NFC", "NFD")}


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
