"""How deliveries are signed: every signature that one may have.

What the vendor's signature covers (Source: P-31, P-32, P-33):

====  ===========================  =============  =========================  =====================
mode  ``Webhook-Signature``        time           signed bytes               key
====  ===========================  =============  =========================  =====================
V2    ``v1,<base64>``, several     seconds        ``id.time.body``           secret's text, or the
      with spaces between                                                    secret base64-decoded
V1    64 hex characters            milliseconds   ``time.body``              secret's text
====  ===========================  =============  =========================  =====================
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pandabase_django.api.auth import Revealable

__all__ = ["KeyReading", "SigningSecret", "Version", "signatures"]

MIN_KEY_BYTES = 16  # a key below this would be guessable, an empty one known to all


class Version(str, Enum):
    """The mode of a signature."""

    V1 = "V1"
    V2 = "V2"


class KeyReading(str, Enum):
    """How the secret became the key (Source: P-32)."""

    TEXT = "TEXT"
    BASE64 = "BASE64"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """One live signing secret.

    Attributes:
        name: Shows the caller which one matched.
        secret: Revealed at each signature, and kept nowhere.
    """

    name: str
    secret: Revealable = field(repr=False)


def signatures(
    body: bytes,
    *,
    version: Version,
    identifier: str,
    stamp: str,
    secrets: Sequence[SigningSecret],
) -> Iterator[tuple[str, KeyReading, bytes]]:
    """Name of the secret, reading of the key, and the encoded signature, for each way to sign."""
    head = f"{stamp}." if version is Version.V1 else f"{identifier}.{stamp}."
    message = head.encode() + body
    for entry in secrets:
        if len(_text_key(entry.secret)) < MIN_KEY_BYTES:
            continue
        if version is Version.V1:
            mac = hmac.new(_text_key(entry.secret), message, hashlib.sha256)
            yield entry.name, KeyReading.TEXT, mac.hexdigest().encode()
            continue
        mac = hmac.new(_text_key(entry.secret), message, hashlib.sha256)
        yield entry.name, KeyReading.TEXT, base64.b64encode(mac.digest())
        if len(_base64_key(entry.secret)) >= MIN_KEY_BYTES:
            mac = hmac.new(_base64_key(entry.secret), message, hashlib.sha256)
            yield entry.name, KeyReading.BASE64, base64.b64encode(mac.digest())


def _text_key(secret: Revealable) -> bytes:
    return secret.reveal().encode()


def _base64_key(secret: Revealable) -> bytes:
    """As the Standard Webhooks libraries read a secret; empty when it can't be read so."""
    try:
        return base64.b64decode(secret.reveal().removeprefix("whsec_").encode() + b"==")
    except (binascii.Error, ValueError):
        return b""
