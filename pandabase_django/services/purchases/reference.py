"""What travels with a checkout as its metadata: a signed reference, and nothing else.

It is not secret, and proves only that this shop wrote it once: a stranger may copy it into a
checkout of his own (Source: P-38, P-39). What was paid is compared in any case (``judgement``).
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.signing import BadSignature, Signer

from pandabase_django.models.checkout.sessions import METADATA_KEY

__all__ = ["metadata_for", "reference_in"]

_SALT = "pandabase_django.checkout"
_LONGEST = 200


def metadata_for(reference: str) -> dict[str, str]:
    """The metadata to open a session with."""
    return {METADATA_KEY: Signer(salt=_SALT).sign(reference)}


def reference_in(metadata: Mapping[str, str]) -> str:
    """The reference in an order's metadata; "" when there is none that this shop has signed.

    Signatures of ``SECRET_KEY_FALLBACKS`` count.
    """
    signed = metadata.get(METADATA_KEY, "")
    if not signed or len(signed) > _LONGEST:
        return ""
    try:
        return Signer(salt=_SALT).unsign(signed)
    except BadSignature:
        return ""
