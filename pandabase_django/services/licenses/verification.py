"""Whether a licence key is good.

Pandabase is asked, with a token that never leaves the shop (Source: P-51). While it is away the
newest proof answers: what it said of the key last, or the mirror. The key is looked up by its keyed
hash, so that no comparison here takes longer for a key that is nearly right.

Anybody may ask about anything, and must not change what another key's owner is told. A question
about what the mirror does not have is a guess. Guesses have a limit of their own, and whatever
they meet at Pandabase keeps nobody but guesses from asking it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.core.cache import caches
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    HeldBack,
    InvalidCredential,
    InvalidRequest,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    RateLimited,
    SealError,
    SecretMoved,
    ServerError,
    TransportError,
)
from pandabase_django.models import License, Product, Store, SyncCursor
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.caching import unless_cache_fails
from pandabase_django.services.licenses.proofs import (
    Proof,
    digest_of_key,
    keep_proof,
    kept_proof,
)
from pandabase_django.services.licenses.throttle import seconds_left, take_one
from pandabase_django.services.tokens.clients import client_for

__all__ = ["verify_key"]

logger = get_logger(__name__)

REUSED_FOR = timedelta(minutes=1)
AWAY_SECONDS = 30  # nobody else waits for time-outs meanwhile
AWAY = "pandabase:license:away:"
# Neither may use up the store's rate limit, which syncs share, and which is counted in seconds
# (P-29): a minute's guesses in one second would leave nothing of it.
GUESSES_IN_A_SECOND = 10  # requests for them, of all stores together
ASKED_IN_A_MINUTE = 600  # about keys of the mirror, of each store
CLAIMED = "CLAIMED"

REFUSED_QUESTION = (InvalidRequest, ObjectNotFound)
# The store can't be asked, whatever the question. All other errors are of one key.
AWAY_AFTER = (
    ConfigurationError,
    HeldBack,
    InvalidCredential,
    MissingPermission,
    SealError,
    SecretMoved,
    ServerError,
    TransportError,
)


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
        RateLimited: Too much is asked about keys that the mirror does not have.
    """
    question = _question(key, product_id)
    kept = kept_proof(question.digest)
    # All of it each time, whatever is known of the key: how long it takes tells nothing.
    here = _here(question.rows)
    if kept is not None and timezone.now() - kept.proved_at < REUSED_FOR:
        return kept
    asked = _ask(question) if may_ask else None
    if asked is not None:
        _keep(question, asked)
        return asked
    if not product_id and here is not None and here.product_id:
        # Who names no product may know what was said to one who named the licence's own.
        known = (kept, kept_proof(digest_of_key(key, here.product_id)))
        kept = max(filter(None, known), key=lambda proof: proof.proved_at, default=None)
    if kept is None or here is None:
        return kept or here
    if not _is_newer(here, kept, question.rows):
        return kept
    # Only Pandabase's own answers say when a licence ends.
    return replace(here, expires_at=kept.expires_at) if here.status == kept.status else here


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked about.

    Attributes:
        key: The key.
        product_id: The product that it must be for; "" for any.
        digest: What both are kept and counted under.
        rows: The licences of the mirror that it is about.
    """

    key: Secret
    product_id: str
    digest: str
    rows: Sequence[License]

    @property
    def is_guess(self) -> bool:
        return not self.rows


def _question(key: Secret, product_id: str) -> _Question:
    rows = list(License.objects.with_key(key.reveal()).live())
    if product_id:
        rows = [row for row in rows if row.product_id == product_id]
    return _Question(key, product_id, digest_of_key(key, product_id), rows)


def _here(rows: Sequence[License]) -> Proof | None:
    """What the mirror says; None when licences were never read."""
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


def _is_newer(here: Proof, kept: Proof, rows: Sequence[License]) -> bool:
    """Whether the mirror knows more than what Pandabase said of the key.

    A sync comes to a row in its turn, and to what counts show: only one that was written since
    proves another status than Pandabase's own word.
    """
    if here.proved_at < kept.proved_at:
        return False
    written = max((row.synced_at for row in rows), default=here.proved_at)
    return here.status == kept.status or written > kept.proved_at


def _keep(question: _Question, asked: Proof) -> None:
    keep_proof(question.digest, asked)
    # Only of a question without a product: what is said to one who named another product is said
    # of that one, and a licence of one product must open no other, nor be closed by it.
    if not question.product_id and asked.product_id:
        keep_proof(digest_of_key(question.key, asked.product_id), asked)


def _ask(question: _Question) -> Proof | None:
    """What Pandabase says; None when not all of it can be asked."""
    stores = _stores(question)
    if len(stores) > GUESSES_IN_A_SECOND:
        return None  # a shop of so many asks about a product's licences where it is sold
    not_away = [store for store in stores if not _is_away(store, question)]
    if question.is_guess:
        _count_guess(requests=len(not_away))
    best: Proof | None = None
    all_answered = len(not_away) == len(stores)
    for store in not_away:
        proof = _ask_store(question, store)
        if proof is None:
            all_answered = False
        elif proof.valid:
            return proof
        elif best is None or not best.status:
            best = proof  # another store may have the same key, and sell it
    if all_answered or (question.is_guess and best is not None and best.status):
        return best
    return None  # of a key that it has, the mirror knows more of the store that gives no answer


def _stores(question: _Question) -> list[Store]:
    """The store of the licence; for a guess that of the product, or all that are in use."""
    stores = Store.objects.filter(enabled=True).order_by("pk")
    known = {row.store_id for row in question.rows}
    if not known:
        products = Product.objects.filter(pk=question.product_id)
        known.update(products.values_list("store", flat=True))
    return list(stores.filter(pk__in=known) if known else stores)


def _count_guess(*, requests: int) -> None:
    """Count what Pandabase is to be asked about a guess.

    Raises:
        RateLimited: There were too many.
    """
    counted = [take_one("guesses", window_seconds=1) for _ in range(requests)]
    if counted and counted[-1] > GUESSES_IN_A_SECOND:
        # The mirror does not answer instead: whoever asks often enough would choose its answer.
        raise RateLimited(
            "Too many questions about licences.", status=429, retry_after_seconds=seconds_left(1)
        )


def _ask_store(question: _Question, store: Store) -> Proof | None:
    if not question.is_guess and take_one(f"asked:{store.pk}") > ASKED_IN_A_MINUTE:
        return None
    try:
        with client_for(store, hurried=True) as client:
            said = client.licenses.verify(question.key.reveal, product_id=question.product_id)
    except (PandabaseError, ConfigurationError) as error:
        # Without its words: those of the remote may repeat the key.
        status = f" {error.status}" if isinstance(error, APIError) else ""
        name = type(error).__name__
        is_away = isinstance(error, AWAY_AFTER)
        is_refused = isinstance(error, REFUSED_QUESTION)
    else:
        if question.product_id and said.product_id not in (None, "", question.product_id):
            # Said of another product's licence: of this one it proves nothing good.
            return Proof(False, "", "", None, timezone.now())
        return Proof(
            said.valid,
            said.status or "",
            said.product_id or "",
            said.expires_at,
            timezone.now(),
        )
    if is_refused and question.is_guess:
        # Of what the mirror has, such an answer proves nothing.
        return Proof(False, "", "", None, timezone.now())
    logger.warning(
        "Licences of %s are verified by the mirror (%s%s)."
        if is_away
        else "A question about a licence of %s was not answered (%s%s).",
        store.pk,
        name,
        status,
        extra=facts(store=store.pk),
    )
    # What one guess meets, others may not.
    if is_away or not question.is_guess:
        _note_away(store, question, for_all=is_away)
    return None


def _is_away(store: Store, question: _Question) -> bool:
    names = _marks(store, question)
    return bool(unless_cache_fails(lambda: caches[conf.rate_limit_cache].get_many(names), {}))


def _note_away(store: Store, question: _Question, *, for_all: bool) -> None:
    """Nobody asks the store again for a while: about anything, or about this key."""
    of_one, of_all = _marks(store, question)
    name = of_all if for_all and not question.is_guess else of_one
    unless_cache_fails(
        lambda: caches[conf.rate_limit_cache].set(name, True, timeout=AWAY_SECONDS), None
    )


def _marks(store: Store, question: _Question) -> tuple[str, str]:
    """Where it is noted that a store gives no answer: about guesses, or one key, and at all."""
    about = "guesses" if question.is_guess else question.digest
    return f"{AWAY}{about}:{store.pk}", AWAY + store.pk
