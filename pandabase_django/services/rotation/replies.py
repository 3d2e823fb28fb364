"""The answer to a roll: how it is kept, and where in it a secret may be.

Its shape is not documented (Source: P-16), so nothing is believed of it. It is kept whole, and
every text in it that could be a secret is tried, the likeliest first.

Nothing here raises with a part of the answer in reach of a traceback.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pandabase_django.api.masking import SECRET_IN_TEXT, mask
from pandabase_django.api.wire.replies import RawReply, is_envelope
from pandabase_django.crypto.secret import Secret

__all__ = ["KeptReply", "PossibleSecret", "packed", "unpacked"]

MAX_TRIED = 8
MAX_SHOWN = 50
MAX_DEPTH = 20
REQUEST_TIMEOUT = 408

_LIKELY = ("data.secret", "data.token.secret", "data")
_SECRET = re.compile(SECRET_IN_TEXT + "{8,500}")
_TEXT = re.compile(r"[!-~]{8,512}\Z")  # what can be a credential at all


@dataclass(frozen=True, slots=True)
class PossibleSecret:
    """A text of an answer.

    Attributes:
        place: Where it is, such as ``data.secret``.
        secret: The text.
    """

    place: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class KeptReply:
    """An answer read from its sealed form.

    Attributes:
        status: HTTP status.
        request_id: Of the answer.
        complete: It did not break off.
        empty: No byte of its body arrived.
        body: The body; undecodable bytes are replaced.
    """

    status: int
    request_id: str
    complete: bool
    empty: bool
    body: Secret

    @property
    def succeeded(self) -> bool:
        """The status says that it was executed."""
        return 200 <= self.status < 300

    @property
    def refused_by_api(self) -> bool:
        """The API itself said no. A proxy's page or time-out (408) does not count as that."""
        if not (400 <= self.status < 500) or self.status == REQUEST_TIMEOUT:
            return False
        try:
            return is_envelope(json.loads(self.body.reveal()), ok=False)
        except (ValueError, RecursionError):
            return False

    def likely(self) -> list[PossibleSecret]:
        """Texts worth a try by themselves: at the likely places, or starting with ``sk_``."""
        texts = self.texts()
        ranked = [found for place in _LIKELY for found in texts if found.place == place]
        ranked += [found for found in texts if _SECRET.fullmatch(found.secret.reveal())]
        ranked += [
            PossibleSecret(f"text {number}", Secret(match))
            for number, match in enumerate(_SECRET.findall(self.body.reveal()), start=1)
        ]
        return _distinct(ranked, at_most=MAX_TRIED)

    def texts(self) -> list[PossibleSecret]:
        """Every text of the answer that could be a credential, in its order."""
        try:
            found = [
                PossibleSecret(place, Secret(text))
                for place, text in _leaves(json.loads(self.body.reveal()), "", 0)
                if _TEXT.match(text)
            ]
        except (ValueError, RecursionError):
            found = [
                PossibleSecret(f"text {number}", Secret(match))
                for number, match in enumerate(_SECRET.findall(self.body.reveal()), start=1)
            ]
        return _distinct(found, at_most=MAX_SHOWN)


def packed(raw: RawReply) -> Secret:
    """An answer as one text to seal."""
    return Secret(
        json.dumps(
            {
                "status": raw.status,
                "request_id": raw.request_id,
                "complete": raw.complete,
                "body": base64.b64encode(raw.body).decode(),
            }
        )
    )


def unpacked(kept: Secret) -> KeptReply:
    """The answer that was packed.

    Raises:
        SealError: It can't be opened.
    """
    content: dict[str, Any] = json.loads(kept.reveal())
    return KeptReply(
        status=content["status"],
        request_id=content["request_id"],
        complete=content["complete"],
        empty=not content["body"],
        body=Secret(base64.b64decode(content["body"]).decode("utf-8", "replace")),
    )


def _leaves(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            # A place is shown: a name that is itself a credential is not.
            name = mask(key)
            yield from _leaves(inner, f"{place}.{name}" if place else name, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]", depth + 1)


def _distinct(found: list[PossibleSecret], *, at_most: int) -> list[PossibleSecret]:
    """The first different ones. Bounded, since each is compared with all that are kept."""
    kept: list[PossibleSecret] = []
    for candidate in found:
        if len(kept) == at_most:
            break
        if not any(candidate.secret == other.secret for other in kept):
            kept.append(candidate)
    return kept
