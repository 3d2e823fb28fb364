"""What can be known of a delivery whose signature does not fit. It stays refused all the same.

A wrong secret and an altered body look the same to a signature. They can be distinguished when one
of the usual alterations is undone and the signature then fits, when the secret of another endpoint
fits, or by the vendor's second header, which covers the body alone (Source: P-33).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from pandabase_django.api.webhooks.signatures import SigningSecret, Version, signatures

__all__ = ["Evidence", "diagnose"]


class Evidence(str, Enum):
    """What speaks for one cause or another."""

    NONE = ""
    V1_FITS = "v1-fits"
    OTHER_ENDPOINT = "other-endpoint"
    BODY_REENCODED = "body-reencoded"
    HEADERS_ALTERED = "headers-altered"
    SECRET_OR_BODY = "secret-or-body"  # noqa: S105  a word, not a secret
    NOTHING_FITS = "nothing-fits"


def diagnose(
    body: bytes,
    *,
    headers: Mapping[str, str],
    secrets: Sequence[SigningSecret],
    of_others: Sequence[SigningSecret] = (),
) -> Evidence:
    """Look for the cause of a signature that does not fit.

    Args:
        body: The bytes as they arrived.
        headers: As for ``verify``, and ``X-Pandabase-Signature`` when there is one.
        secrets: The endpoint's own.
        of_others: Those of the store's other endpoints.
    """
    signature = headers.get("Webhook-Signature", "")
    version = Version.V2 if "v1," in signature else Version.V1
    given = {entry.removeprefix("v1,").encode(errors="replace") for entry in signature.split(" ")}
    identifier = headers.get("Webhook-Id", "")
    stamp = headers.get("Webhook-Timestamp", "")

    def fits(candidate: bytes, tried: Sequence[SigningSecret]) -> bool:
        made = signatures(
            candidate, version=version, identifier=identifier, stamp=stamp, secrets=tried
        )
        return any(hmac.compare_digest(mac, one) for _, _, mac in made for one in given)

    if fits(body, secrets):
        return Evidence.V1_FITS if version is Version.V1 else Evidence.NONE
    if fits(body, of_others):
        return Evidence.OTHER_ENDPOINT
    if any(fits(candidate, secrets) for candidate in _undone(body)):
        return Evidence.BODY_REENCODED
    legacy = headers.get("X-Pandabase-Signature", "").encode(errors="replace")
    if not legacy:
        return Evidence.NOTHING_FITS
    if any(hmac.compare_digest(legacy, _body_signature(body, entry)) for entry in secrets):
        return Evidence.HEADERS_ALTERED
    return Evidence.SECRET_OR_BODY


def _body_signature(body: bytes, entry: SigningSecret) -> bytes:
    return hmac.new(entry.secret.reveal().encode(), body, hashlib.sha256).hexdigest().encode()


def _undone(body: bytes) -> Iterator[bytes]:
    """The body as it may have been before a proxy or a framework wrote it again."""
    stripped = body.strip()
    if stripped != body:
        yield stripped
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        return
    for ascii_only in (False, True):
        text = json.dumps(data, ensure_ascii=ascii_only, separators=(",", ":"))
        candidate = text.encode(errors="replace")
        if candidate != body:
            yield candidate
