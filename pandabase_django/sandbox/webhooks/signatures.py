"""How deliveries are signed. Source: P-31, P-32, P-33.

Written from the vendor's description alone; the receiver's code is another one, so that a mistake
in one is not repeated in the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

__all__ = ["SIGNATURE_VERSIONS", "readable_key", "signed_headers", "signing_secret"]

SIGNATURE_VERSIONS = ("V1", "V2")


def signing_secret(seed: int, index: int) -> str:
    """The signing secret of an endpoint; shown once, on creation. Source: P-35."""
    # 19 bytes: a text of another length could not be read as base64. Source: P-32.
    digest = hashlib.blake2b(f"webhook:{seed}:{index}".encode(), digest_size=19).hexdigest()
    return f"whk_secret_{digest}"


def signed_headers(
    secret: str, *, version: str, reading: str, event_id: str, job: str, at_ms: int, body: bytes
) -> dict[str, str]:
    """The headers of one attempt.

    Args:
        secret: The endpoint's signing secret.
        version: V2 (Standard Webhooks) or the deprecated V1.
        reading: One of ``KEY_READINGS``; V1 knows the text alone.
        event_id: The payload's id.
        job: ``endpoint/job``, what V1 sends as its id without signing it.
        at_ms: When the attempt is made, milliseconds since 1970.
        body: What will be sent, byte for byte.
    """
    if version == "V1":
        stamp = str(at_ms)
        return {
            "Webhook-Id": job,
            "Webhook-Timestamp": stamp,
            "Webhook-Signature": _mac(secret.encode(), stamp.encode() + b"." + body).hex(),
            "X-Pandabase-Signature": _mac(secret.encode(), body).hex(),
        }
    stamp = str(at_ms // 1000)
    signed = f"{event_id}.{stamp}.".encode() + body
    signature = base64.b64encode(_mac(readable_key(secret, reading=reading), signed)).decode()
    return {
        "Webhook-Id": event_id,
        "Webhook-Timestamp": stamp,
        "Webhook-Signature": f"v1,{signature}",
    }


def readable_key(secret: str, *, reading: str) -> bytes:
    """The key inside a secret.

    The Standard Webhooks library for Python drops the prefix ``whsec_``, skips what is not
    base64 (the underscores of ``whk_secret_``) and decodes the rest.

    Raises:
        ValueError: The secret can't be decoded.
    """
    if reading == "text":
        return secret.encode()
    return base64.b64decode(secret.removeprefix("whsec_") + "==")


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
