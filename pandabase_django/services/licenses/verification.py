"""Whether a licence key is good.

Pandabase is asked, with a token that never leaves the shop (Source: P-51). While it is away the
newest proof answers: what it said of the key last, or the mirror. The key is looked up by its keyed
hash, so that no comparison here takes longer for a key that is nearly right.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from django.core.cache import caches
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import APIError, ConfigurationError, PandabaseError
from pandabase_django.models import License, Store, SyncCursor
from pandabase_django.models.sync import Resource
from pandabase_django.services.caching import unless_cache_fails
from pandabase_django.services.licenses.proofs import (
    Proof,
    digest_of_key,
    keep_proof,
    kept_proof,
)
from pandabase_django.services.licenses.throttle import take_one
from pandabase_django.services.tokens.clients import client_for

__all__ = ["verify_key"]

logger = logging.getLogger(__name__)

REUSED_FOR = timedelta(minutes=1)
AWAY_SECONDS = 30  # nobody else waits for time-outs meanwhile
AWAY = "pandabase:license:away:"
# Guessed keys must not use up the store's rate limit, which syncs share.
ASKED_IN_A_MINUTE = 600
CLAIMED = "CLAIMED"


def verify_key(key: Secret, *, product_id: str = "", may_ask: bool = True) -> Proof | None:
    """Whether a key is good, and since when that is known.

    Args:
        key: As its owner typed it in.
        product_id: It must be for this product; "" for any.
        may_ask: Pandabase may be asked.

    Returns:
        None: nothing is known of licences here, and Pandabase can't be asked.

    Raises:
        KeysMissing: There is no encryption key, so that no key can be looked up.
    """
    digest = digest_of_key(key, product_id)
    kept = kept_proof(digest)
    # All of it each time, whatever is known of the key: how long it takes tells nothing.
    here = _here(key, product_id)
    if kept is not None and timezone.now() - kept.proved_at < REUSED_FOR:
        return kept
    asked = _ask(key, product_id, stores=_stores(key)) if may_ask else None
    if asked is not None:
        keep_proof(digest, asked)
        return asked
    if kept is None or here is None:
        return kept or here
    if here.proved_at < kept.proved_at:
        return kept
    # Only Pandabase's own answers say when a licence ends.
    return replace(here, expires_at=kept.expires_at) if here.status == kept.status else here


def _stores(key: Secret) -> list[Store]:
    """The store of the licence; all that are in use for a key that is not here."""
    rows = License.objects.with_key(key.reveal()).live()
    known = set(rows.values_list("store", flat=True))
    stores = Store.objects.filter(enabled=True).order_by("pk")
    return list(stores.filter(pk__in=known) if known else stores)


def _here(key: Secret, product_id: str) -> Proof | None:
    """What the mirror says; None when licences were never read."""
    rows = list(License.objects.with_key(key.reveal()).live())
    if product_id:
        rows = [row for row in rows if row.product_id == product_id]
    row = max(rows, key=lambda row: row.status == CLAIMED, default=None)
    read = SyncCursor.objects.filter(resource=Resource.LICENSES, last_completed_at__isnull=False)
    read = read.filter(store=row.store_id) if row else read
    times = [at for at in read.values_list("last_completed_at", flat=True) if at is not None]
    if row is not None:
        times.append(row.synced_at)
        return Proof(
            row.status == CLAIMED, row.status, row.product_id or "", None, max(times), "mirror"
        )
    # Of a key that is in none of the stores, the one that was read longest ago decides.
    return Proof(False, "", "", None, min(times), "mirror") if times else None


def _ask(key: Secret, product_id: str, *, stores: list[Store]) -> Proof | None:
    """What Pandabase says; None when not all of it can be asked."""
    nothing: Proof | None = None
    all_answered = bool(stores)
    for store in stores:
        proof = _ask_store(key, product_id, store)
        if proof is None:
            all_answered = False
        elif proof.status:
            return proof
        else:
            nothing = proof
    return nothing if all_answered else None


def _ask_store(key: Secret, product_id: str, store: Store) -> Proof | None:
    if _is_away(store) or take_one(f"asked:{store.pk}") > ASKED_IN_A_MINUTE:
        return None
    try:
        with client_for(store, hurried=True) as client:
            said = client.licenses.verify(key.reveal, product_id=product_id)
    except (PandabaseError, ConfigurationError) as error:
        # Without its words: those of the remote may repeat the key.
        status = f" {error.status}" if isinstance(error, APIError) else ""
        name = type(error).__name__
    else:
        return Proof(
            said.valid,
            said.status or "",
            said.product_id or "",
            said.expires_at,
            timezone.now(),
        )
    logger.warning("Licences of %s are verified by the mirror (%s%s).", store.pk, name, status)
    _note_away(store)
    return None


def _is_away(store: Store) -> bool:
    known = unless_cache_fails(lambda: caches[conf.rate_limit_cache].get(AWAY + store.pk), None)
    return bool(known)


def _note_away(store: Store) -> None:
    unless_cache_fails(
        lambda: caches[conf.rate_limit_cache].set(AWAY + store.pk, True, timeout=AWAY_SECONDS), None
    )
