"""The scrubber of a store: knows its erased persons by keyed hashes.

A scrubber knows those that were erased when it was made. Whoever writes what it has read passes the
gate first, inside the transaction: an erasure waits there for such transactions, and whoever comes
after it with an older scrubber writes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pandabase_django.api.wire.decoding import RawItem
from pandabase_django.crypto.secret import Secret
from pandabase_django.database import connection, transaction
from pandabase_django.models import ErasedHash, Erasure, ErasureKey
from pandabase_django.services.erasures.addresses import normal_address
from pandabase_django.services.erasures.scrubbing import identifiers, scrubbed

__all__ = [
    "Scrubber",
    "forget_hashes",
    "hold_off_erasures",
    "is_current",
    "is_erased",
    "remember",
    "scrubber_of",
]

KEY_BYTES = 32
HASH_CHARACTERS = 48
# What the advisory lock of PostgreSQL is known by.
_LOCK = (0x70616E64, 0x65726173)


class _Who(msgspec.Struct):
    id: str | None = None
    customerId: str | None = None
    email: str | None = None


class _Row(msgspec.Struct):
    id: str | None = None
    customer: _Who | None = None


_ROW = msgspec.json.Decoder(_Row)


class Scrubber:
    """Leaves out what is personal in objects of erased persons; all others stay as they are.

    Called in reading threads: it asks no database.

    Attributes:
        version: Which erasures it knows; None knows of none.
    """

    def __init__(
        self, store_id: str, *, hashes: frozenset[str], version: int | None, hash_: _Hash
    ) -> None:
        self.version = version
        self._hashes = hashes
        self._hash = hash_
        self._store_id = store_id

    def __call__(self, data: Any) -> Any:
        """An object, decoded or not, as it may be kept."""
        if not self._hashes:
            return data
        if isinstance(data, RawItem):
            row = data.partly(_ROW)
            if row is not None and not self._names(_identifiers_of(row)):
                return data
            return self(data.decode().data)  # one that is odd is looked at whole
        if isinstance(data, dict) and self._names(identifiers(data)):
            return scrubbed(data)
        return data

    def names(self, ids: Iterable[str]) -> bool:
        """Whether one of these ids is of an erased person."""
        return bool(self._hashes) and self._names(("id", pk) for pk in ids)

    def _names(self, found: Iterable[tuple[str, str]]) -> bool:
        return any(self._hash(self._store_id, kind, value) in self._hashes for kind, value in found)


_Hash = Callable[[str, str, str], str]


def scrubber_of(store_id: str) -> Scrubber:
    """The scrubber of a store, as of now.

    Raises:
        SealError: Somebody was erased, and the key of the hashes can't be opened: nothing may be
            read then, since nobody could be known again.
    """
    rows = list(ErasedHash.objects.filter(store=store_id).values_list("pk", "value"))
    version = max((pk for pk, _ in rows), default=None)
    hash_ = _hasher(create=False) if rows else _never
    hashes = frozenset(value for _, value in rows)
    return Scrubber(store_id, hashes=hashes, version=version, hash_=hash_)


def is_current(store_id: str, scrubber: Callable[[Any], Any] | None) -> bool:
    """Whether nobody was erased since a scrubber was made; call it first in a write transaction.

    Until the end of the transaction no erasure begins.
    """
    if not isinstance(scrubber, Scrubber):
        return True
    hold_off_erasures()
    newest = ErasedHash.objects.filter(store=store_id).order_by("-pk").values_list("pk", flat=True)
    return newest.first() == scrubber.version


def hold_off_erasures() -> None:
    """Have erasures wait for this transaction; what is read after it knows of all before it.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A statement of its own: what follows sees what was committed while this waited.
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", _LOCK)


def is_erased(store_id: str, ids: Iterable[str]) -> bool:
    """Whether one of these ids is of an erased person, as of now.

    Raises:
        SealError: Somebody was erased, and the key of the hashes can't be opened.
    """
    rows = ErasedHash.objects.filter(store=store_id)
    if not rows.exists():
        return False
    hash_ = _hasher(create=False)
    return rows.filter(value__in={hash_(store_id, "id", pk) for pk in ids}).exists()


def remember(erasure: Erasure, *, addresses: Iterable[str], ids: Iterable[str]) -> int:
    """Keep the hashes of a person's addresses and ids; from now on nobody writes their data.

    Returns:
        How many are new.
    """
    store_id = erasure.store_id
    hash_ = _hasher(create=True)
    wanted = {hash_(store_id, "email", address) for address in addresses}
    wanted |= {hash_(store_id, "id", pk) for pk in ids}
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK)
        rows = ErasedHash.objects.filter(store=store_id)
        new = sorted(wanted.difference(rows.values_list("value", flat=True)))
        ErasedHash.objects.bulk_create(
            [ErasedHash(store_id=store_id, erasure=erasure, value=value) for value in new],
            batch_size=500,
        )
    return len(new)


def forget_hashes(store_id: str, *, addresses: Iterable[str], ids: Iterable[str]) -> int:
    """Forget that these were erased. Returns how many hashes went."""
    rows = ErasedHash.objects.filter(store=store_id)
    if not rows.exists():
        return 0
    hash_ = _hasher(create=False)
    wanted = {hash_(store_id, "email", address) for address in addresses}
    wanted |= {hash_(store_id, "id", pk) for pk in ids}
    own = rows.filter(value__in=wanted).values_list("erasure", flat=True)
    count, _ = rows.filter(erasure__in=list(own)).delete()
    return count


def _identifiers_of(row: _Row) -> Iterable[tuple[str, str]]:
    if row.id:
        yield "id", row.id
    if row.customer is not None:
        if row.customer.id:
            yield "id", row.customer.id
        if row.customer.email:
            yield "email", row.customer.email


def _hasher(*, create: bool) -> _Hash:
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


def _never(store_id: str, kind: str, value: str) -> str:
    return ""
