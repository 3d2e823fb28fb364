"""The keyed hashes by which erased persons are known again: kept, looked up, forgotten."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db.models import F

from pandabase_django.crypto.secret import Secret
from pandabase_django.database import connection, transaction
from pandabase_django.database.pace import Pace
from pandabase_django.models import ErasedHash, Erasure, ErasureKey
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.erasures.addresses import normal_address, with_addresses_replaced
from pandabase_django.services.erasures.scrubbing import ERASED, with_texts_changed

__all__ = [
    "ErasureEnded",
    "Hash",
    "forget_hashes",
    "hasher",
    "hold_off_erasures",
    "ids_of",
    "is_erased",
    "remember",
    "without_erased_addresses",
]

T = TypeVar("T")

KEY_BYTES = 32
HASH_CHARACTERS = 48
HASHES_AT_ONCE = 500
# What the advisory lock of PostgreSQL is known by.
_LOCK = (0x70616E64, 0x65726173)

Hash = Callable[[str, str, str], str]
"""Of a store's id, ``id`` or ``email``, and the value."""


class ErasureEnded(Exception):
    """It was lifted meanwhile, or another worker has completed it."""


def is_erased(store_id: str, found: Iterable[tuple[str, str]]) -> bool:
    """Whether one of these is of an erased person, as of now.

    Args:
        store_id: Whose it is.
        found: Pairs of ``id`` or ``email``, and the value; looked at once somebody was erased.

    Raises:
        SealError: Somebody was erased, and the key of the hashes can't be opened.
    """
    hash_ = _hasher_if_needed(store_id)
    if hash_ is None:
        return False
    rows = ErasedHash.objects.filter(store=store_id)
    return rows.filter(value__in={hash_(store_id, kind, value) for kind, value in found}).exists()


def ids_of(store_id: str, address: str) -> Callable[[str], bool] | None:
    """What tells the ids of a person who was erased before; None when nobody of the address was.

    Raises:
        SealError: Somebody was erased, and the key of the hashes can't be opened.
    """
    hash_ = _hasher_if_needed(store_id)
    if hash_ is None:
        return None
    rows = ErasedHash.objects.filter(store=store_id)
    own = rows.filter(value=hash_(store_id, "email", address)).values_list("erasure", flat=True)
    values = set(rows.filter(erasure__in=list(own)).values_list("value", flat=True))
    return (lambda pk: hash_(store_id, "id", pk) in values) if values else None


def without_erased_addresses(store_id: str, value: T, *, joined: bool = False) -> T:
    """A text or JSON without the addresses of erased persons.

    Args:
        store_id: Whose it is.
        value: The text or JSON.
        joined: See ``with_addresses_replaced``.

    Raises:
        SealError: See ``is_erased``.
    """
    hash_ = _hasher_if_needed(store_id)
    if hash_ is None:
        return value

    def changed(is_theirs: Callable[[str], bool]) -> T:
        found: T = with_texts_changed(
            value,
            lambda text: with_addresses_replaced(text, ERASED, is_theirs=is_theirs, joined=joined),
        )
        return found

    asked: set[str] = set()

    def ask_later(address: str) -> bool:
        asked.add(hash_(store_id, "email", address))
        return False

    # A log has hundreds of addresses: one query is to tell them all.
    changed(ask_later)
    rows = ErasedHash.objects.filter(Among(F("value"), sorted(asked)), store=store_id)
    known = set(rows.values_list("value", flat=True))
    return changed(lambda address: hash_(store_id, "email", address) in known) if known else value


def remember(erasure: Erasure, address: str, *, ids: Iterable[str]) -> int:
    """Keep the hashes of a person's address and ids; from now on nobody writes their data.

    The address is first. Whoever writes waits for each part, and not for all of them.

    Returns:
        How many are new.

    Raises:
        ErasureEnded: It is not open any more.
    """
    store_id = erasure.store_id
    hash_ = hasher(create=True)
    known = hash_(store_id, "email", address)
    wanted = [known, *sorted({hash_(store_id, "id", pk) for pk in ids} - {known})]
    new, pace = 0, Pace()
    for start in range(0, len(wanted), HASHES_AT_ONCE):
        new += _remember(erasure, known, wanted[start : start + HASHES_AT_ONCE])
        pace.rest()
    return new


def _remember(erasure: Erasure, known: str, wanted: list[str]) -> int:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK)
        # Writes nothing new, and locks the row: who lifts the erasure forgets the hashes that are
        # here by then, and none may follow.
        if not Erasure.objects.filter(pk=erasure.pk, finished_at=None).update(finished_at=None):
            raise ErasureEnded
        rows = ErasedHash.objects.filter(store=erasure.store_id)
        there = rows.filter(value__in=wanted).values_list("value", flat=True)
        new = sorted(set(wanted).difference(there))
        # All of one person hang on one erasure, so that they are forgotten together.
        first = rows.filter(value=known).values_list("erasure", flat=True).first()
        ErasedHash.objects.bulk_create(
            [
                ErasedHash(store_id=erasure.store_id, erasure_id=first or erasure.pk, value=value)
                for value in new
            ]
        )
    return len(new)


def forget_hashes(store_id: str, address: str) -> int:
    """Forget that the person of this address was erased. Returns how many hashes went."""
    hash_ = _hasher_if_needed(store_id)
    if hash_ is None:
        return 0
    rows = ErasedHash.objects.filter(store=store_id)
    known = hash_(store_id, "email", address)
    own = rows.filter(value=known).values_list("erasure", flat=True)
    count, _ = rows.filter(erasure__in=list(own)).delete()
    return count


def hold_off_erasures() -> None:
    """Have erasures wait for this transaction; what is read after it knows of all before it.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A statement of its own: what follows sees what was committed while this waited.
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", _LOCK)


def hasher(*, create: bool) -> Hash:
    """Makes hashes; no variable of any frame holds the key's text for longer than a call.

    Raises:
        SealError: The key can't be opened, or there is none.
    """
    if create and not ErasureKey.objects.exists():
        fresh = ErasureKey(secret=Secret(secrets.token_hex(KEY_BYTES)))
        with transaction.atomic():
            ErasureKey.objects.bulk_create([fresh], ignore_conflicts=True)
    kept = ErasureKey.objects.get()

    made = hmac.new(kept.secret.reveal().encode(), digestmod=hashlib.sha256)

    def hash_(store_id: str, kind: str, value: str) -> str:
        text = normal_address(value) or value if kind == "email" else value
        one = made.copy()
        one.update(f"{store_id}\0{kind}\0{text}".encode("utf-8", "surrogatepass"))
        return one.hexdigest()[:HASH_CHARACTERS]

    return hash_


def _hasher_if_needed(store_id: str) -> Hash | None:
    """None while nobody of the store was erased: then no key has to be opened."""
    erased = ErasedHash.objects.filter(store=store_id).exists()
    return hasher(create=False) if erased else None
