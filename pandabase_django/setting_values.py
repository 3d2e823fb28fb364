"""What values of settings must look like: each reader gives the value, or what is wrong with it.

None of them raises for a wrong value: reports show the variables of every frame that an error went
through, and what is given in the place of a setting may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = [
    "Problem",
    "authorities",
    "dotted_path",
    "filled_text",
    "hosts",
    "keys",
    "long_text",
    "number_within",
    "path",
    "proxies",
    "short_name",
    "yes_or_no",
]

_PROXY_SCHEMES = ("http", "https")

# What is in no path, and in what may be put in its place: a URL, a certificate, an encryption key.
_UNFIT_IN_PATHS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]|://|pbk1_")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}\Z")
_LONG = re.compile(r"[!-~]{16,256}\Z")
_HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a setting, in words that go on after its name."""

    text: str


def keys(value: Any) -> tuple[str, ...] | Problem:
    """Encryption keys."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return Problem("must be a list of strings.")
    keys = tuple(value)
    if not all(isinstance(key, str) for key in keys):
        return Problem("must hold strings alone.")
    # A lazy text or a subclass with a way of its own ends here.
    return tuple(str.__str__(key) for key in keys)


def proxies(value: Any) -> Mapping[str, str] | Problem:
    """URL of a proxy by scheme; a text is for both."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = dict.fromkeys(("https", "http"), value)
    if not isinstance(value, Mapping):
        return Problem("must be a URL, or a dict of them by scheme.")
    if not set(value) <= {"https", "http"}:
        return Problem('has other keys than "https" and "http".')
    for url in value.values():
        if not isinstance(url, str) or not _is_proxy(url):
            return Problem(
                "must be http:// or https:// with a host, such as http://proxy.example:3128."
            )
    return dict(value)


def path(value: Any) -> Path | Problem | None:
    """A path; None for none."""
    if value is None or value == "":
        return None
    if not isinstance(value, (str, Path)) or _UNFIT_IN_PATHS.search(str(value)):
        return Problem("must be a path or None.")
    return Path(value)


def authorities(value: Any) -> str | Problem | None:
    """A file or folder that can be read; None for none."""
    place = path(value)
    if place is None or isinstance(place, Problem):
        return place
    return (
        str(place) if os.access(place, os.R_OK) else Problem(f"names {place}, which can't be read.")
    )


def dotted_path(value: Any) -> str | Problem | None:
    """Where to import something from; None for nothing."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _DOTTED.match(value):
        return Problem("must be a dotted path, such as shop.people.verified_emails.")
    return value


def hosts(value: Any) -> tuple[str, ...] | Problem:
    """Host names."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return Problem("must be a list of host names.")
    if not all(isinstance(host, str) and _HOST.match(host) for host in value):
        return Problem('holds host names alone: no scheme, port or "*".')
    return tuple(host.lower() for host in value)


def filled_text(value: Any) -> str | Problem:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        return Problem("must be a non-empty string.")
    return value


def long_text(value: Any) -> str | Problem:
    """What nobody guesses, and a header can hold; "" for none."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _LONG.match(value):
        return Problem("must have 16 to 256 letters, digits or signs, without spaces.")
    return str.__str__(value)


def short_name(value: Any) -> str | Problem:
    """What something is called, in at most 64 plain characters; "" for nothing."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _NAME.match(value):
        return Problem("must be a name of at most 64 letters, digits, spaces, dots, - and _.")
    return value


def yes_or_no(value: Any) -> bool | Problem:
    """A truth value; a text such as "false" is none."""
    return value if isinstance(value, bool) else Problem("must be True or False.")


def number_within(value: Any, *, low: float, high: float) -> float | Problem:
    """A number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Problem("must be a number.")
    return float(value) if low <= value <= high else Problem(f"must be from {low:g} to {high:g}.")


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    clean = not (parts.path.strip("/") or parts.query or parts.fragment)
    printable = re.fullmatch(r"[!-~]+", url) is not None
    return fits and clean and printable and bool(parts.hostname) and parts.scheme in _PROXY_SCHEMES
