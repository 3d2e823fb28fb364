"""The scrubber of a store: knows its erased persons by keyed hashes.

A scrubber knows those that were erased when it was made. Whoever writes what it has read passes the
gate first, inside the transaction: an erasure waits there for such transactions, and whoever comes
after it with an older scrubber writes nothing. There, what was seen of an erased person for the
first time is remembered by its id: an event or an action may name nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from pandabase_django.api.wire.decoding import decode, partly
from pandabase_django.database import transaction
from pandabase_django.models import Customer, ErasedHash
from pandabase_django.services.erasures.addresses import with_addresses_replaced
from pandabase_django.services.erasures.deliveries import scrub_deliveries_of
from pandabase_django.services.erasures.hashes import Hash, hasher, hold_off_erasures
from pandabase_django.services.erasures.scrubbing import (
    ERASED,
    identifiers,
    scrubbed,
    with_texts_changed,
)

__all__ = ["Scrubber", "may_write", "scrubber_of"]


class _Who(msgspec.Struct):
    id: str | None = None
    customerId: str | None = None
    email: str | None = None


class _Row(msgspec.Struct):
    id: str | None = None
    customer: _Who | None = None


_ROW = msgspec.json.Decoder(_Row)


class _Seen(NamedTuple):
    value: str
    erasure: int


class Scrubber:
    """Leaves out what is personal in objects of erased persons; all others stay as they are.

    Called in reading threads: it asks no database.

    Attributes:
        version: Which erasures it knows; None knows of none.
    """

    def __init__(
        self, store_id: str, *, hashes: dict[str, int], version: int | None, hash_: Hash
    ) -> None:
        self.version = version
        self._hashes = hashes  # with the erasure of each
        self._hash = hash_
        self._store_id = store_id
        self._seen: dict[str, _Seen] = {}
        self._known: set[str] = set()  # customers that were here before

    def __call__(self, data: Any, *, texts: bool = False) -> Any:
        """An object, decoded or not, as it may be kept.

        Args:
            data: The object.
            texts: It is of nobody, but its texts may name people: their addresses are left out.
        """
        if not self._hashes:
            return data
        if texts:
            return with_texts_changed(data, self._without_addresses)
        if isinstance(data, msgspec.Raw):
            row = partly(data, _ROW)
            if row is not None and not self._erasure_of(_identifiers_of(row)):
                return data
            return self(decode(bytes(data)).data)  # one that is odd is looked at whole
        if isinstance(data, dict) and (erasure := self._erasure_of(identifiers(data))):
            self._see(data, erasure)
            return scrubbed(data)
        return data

    def _without_addresses(self, text: str) -> str:
        return with_addresses_replaced(
            text,
            ERASED,
            is_theirs=lambda one: bool(self._erasure_of([("email", one)])),
            joined=True,
        )

    def keep_seen(self) -> None:
        """Remember the ids that were seen since the last time, in the caller's transaction."""
        seen = dict(self._seen)
        if not seen:
            return
        # A customer that is here had another address, with which its other rows are kept.
        customers = Customer.objects.filter(store=self._store_id, pk__in=seen)
        before = set(customers.values_list("pk", flat=True))
        rows = ErasedHash.objects.filter(store=self._store_id)
        # Of one that was lifted meanwhile no hash is left.
        of_seen = rows.filter(erasure__in={one.erasure for one in seen.values()})
        alive = set(of_seen.values_list("erasure", flat=True).distinct())
        new = {pk: one for pk, one in seen.items() if pk not in before and one.erasure in alive}
        ErasedHash.objects.bulk_create(
            [
                ErasedHash(store_id=self._store_id, erasure_id=erasure, value=value, learned=True)
                for value, erasure in sorted(new.values())
            ],
            ignore_conflicts=True,
        )
        scrub_deliveries_of(self._store_id, list(new))

        def learn() -> None:
            self._known |= before
            self._hashes.update(new.values())
            for pk in seen:
                self._seen.pop(pk, None)

        transaction.on_commit(learn)

    def _see(self, data: dict[str, Any], erasure: int) -> None:
        customer = data.get("customer")
        for pk in (data.get("id"), customer.get("id") if isinstance(customer, dict) else None):
            if isinstance(pk, str) and pk and pk not in self._known:
                value = self._hash(self._store_id, "id", pk)
                if value not in self._hashes:
                    self._seen[pk] = _Seen(value, erasure)

    def _erasure_of(self, found: Iterable[tuple[str, str]]) -> int | None:
        hashes = (self._hash(self._store_id, kind, value) for kind, value in found)
        return next((self._hashes[one] for one in hashes if one in self._hashes), None)


def scrubber_of(store_id: str) -> Scrubber:
    """The scrubber of a store, as of now.

    Raises:
        SealError: Somebody was erased, and the key of the hashes can't be opened: nothing may be
            read then, since nobody could be known again.
    """
    # Before the hashes: they are as new as it says, or newer.
    version = _version(store_id)
    hashes = dict(ErasedHash.objects.filter(store=store_id).values_list("value", "erasure"))
    hash_ = hasher(create=False) if hashes else _never
    return Scrubber(store_id, hashes=hashes, version=version, hash_=hash_)


def may_write(store_id: str, scrubber: object) -> bool:
    """Whether nobody was erased since a scrubber was made; call it first in a write transaction.

    Until the end of the transaction no erasure begins. If so, what the scrubber has seen of erased
    persons for the first time, such as an order that they made later, is remembered as theirs.
    """
    if not isinstance(scrubber, Scrubber):
        return True
    hold_off_erasures()
    if _version(store_id) != scrubber.version:
        return False
    scrubber.keep_seen()
    return True


def _version(store_id: str) -> int | None:
    # What was learned makes no scrubber old: it knows the address.
    rows = ErasedHash.objects.filter(store=store_id, learned=False)
    return rows.order_by("-pk").values_list("pk", flat=True).first()


def _identifiers_of(row: _Row) -> Iterable[tuple[str, str]]:
    if row.id:
        yield "id", row.id
    if row.customer is not None:
        if row.customer.id:
            yield "id", row.customer.id
        if row.customer.email:
            yield "email", row.customer.email


def _never(store_id: str, kind: str, value: str) -> str:
    return ""
