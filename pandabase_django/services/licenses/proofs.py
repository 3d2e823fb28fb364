"""What Pandabase last said of a key, kept in the cache under a keyed hash.

It answers again within a minute without a request, and while Pandabase is away. It alone knows
when a licence expires: lists do not show that (Source: P-51).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import caches
from django.utils import timezone
from django.utils.crypto import salted_hmac

from pandabase_django.conf import conf
from pandabase_django.crypto.secret import ENCODING, Secret
from pandabase_django.services.caching import unless_cache_fails

__all__ = ["Proof", "digest_of_key", "keep_proof", "kept_proof"]

SALT = "pandabase.licenses.proof"
# The name changes with the fields of a proof: in a deploy, two versions share the cache.
PREFIX = "pandabase:license:proof-2:"
KEPT_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a key is good, and how that is known.

    Attributes:
        valid: It may be used.
        status: AVAILABLE, CLAIMED, REVOKED or what the remote says; "" of a key nobody knows.
        product_id: What it is for; "" where that is not known.
        expires_at: When it ends; None when it does not, or that is not known.
        proved_at: When Pandabase said so, or when the mirror was last equal.
        source: ``pandabase`` or ``mirror``.
    """

    valid: bool
    status: str
    product_id: str
    expires_at: datetime | None
    proved_at: datetime
    source: str = "pandabase"

    def is_valid_at(self, now: datetime) -> bool:
        """Whether it is good by now: what has expired since is not."""
        return self.valid and (self.expires_at is None or self.expires_at > now)


def digest_of_key(key: Secret, product_id: str = "") -> str:
    """What a key, asked about for this product, is kept and counted under."""
    asked = f"{product_id}\n{key.reveal()}".encode(*ENCODING)
    return salted_hmac(SALT, asked, algorithm="sha256").hexdigest()


def keep_proof(digest: str, proof: Proof) -> None:
    """Keep what Pandabase said."""
    ends = proof.expires_at.isoformat() if proof.expires_at else ""
    # Texts, since some caches keep JSON alone.
    kept = (proof.valid, proof.status, proof.product_id, ends, proof.proved_at.isoformat())
    # One that nobody knows may be anybody's guess: those are not kept for long.
    seconds = KEPT_SECONDS if proof.status else 60
    unless_cache_fails(
        lambda: caches[conf.rate_limit_cache].set(PREFIX + digest, kept, timeout=seconds), None
    )


def kept_proof(digest: str) -> Proof | None:
    """What is kept; None when nothing is."""
    kept = unless_cache_fails(lambda: caches[conf.rate_limit_cache].get(PREFIX + digest), None)
    if not kept:
        return None
    valid, status, product_id, ends, proved_at = kept
    expires_at = datetime.fromisoformat(ends) if ends else None
    proof = Proof(valid, status, product_id, expires_at, datetime.fromisoformat(proved_at))
    # A clock that went back must not make it last for ever.
    return proof if proof.proved_at <= timezone.now() else None
