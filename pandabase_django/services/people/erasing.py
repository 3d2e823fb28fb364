"""Erases a person: from now on nothing of them is written, and what is here is emptied.

Ids, states, amounts and times stay, so audits and closings say what they said, and access that was
bought stays with its user. Hashes are kept first, so a sync that runs meanwhile brings nothing
back; rows follow in small transactions. Who is stopped in the middle erases again: it changes
nothing twice.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db.models import Model
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.digests import ERASED_DIGEST
from pandabase_django.database import transaction
from pandabase_django.models import (
    Customer,
    Dispute,
    Erasure,
    LedgerEntry,
    License,
    Order,
    OrderItem,
    Refund,
    RemoteAction,
    Store,
    Subscription,
)
from pandabase_django.models.base.mirror import TO_BE_READ_AGAIN
from pandabase_django.services.erasures.hashes import forget_hashes, remember
from pandabase_django.services.erasures.scrubbing import scrubbed, without_texts
from pandabase_django.services.people.decisions import TABLES, Table
from pandabase_django.services.people.finding import (
    changes_of,
    erased_before,
    find_person,
    mentions,
    models_of_the_app,
)
from pandabase_django.services.people.history import clean_history
from pandabase_django.services.sync.mirror.upsert import child_digest, in_one_order

__all__ = ["erase_person", "lift_erasure"]

logger = logging.getLogger(__name__)

ROWS_PER_TRANSACTION = 200
MOST_ROUNDS = 10

Progress = Callable[[str, int], None]


def erase_person(
    store: Store,
    address: str,
    *,
    source: Erasure.Source,
    user: Any = None,
    on_progress: Progress = lambda kind, rows: None,
) -> Erasure:
    """Erase a person from a store; call it outside of transactions.

    Args:
        store: The store.
        address: The person's e-mail address. It is kept nowhere.
        source: What started it.
        user: Who did.
        on_progress: Called with a kind of row and how many of it were changed so far.

    Returns:
        The record: who, when, and how many rows of each kind were changed.

    Raises:
        ValueError: That is no e-mail address.
        SealError: The key of the hashes can't be opened, or there is no encryption key.
    """
    # Of an erasure that was stopped: what it has emptied leads to the rest no more.
    earlier = erased_before(store, address)
    person = find_person(store, address, also=earlier)
    erasure = Erasure.objects.create(store=store, source=source, user=user)
    remember(erasure, address, ids=person.ids)
    counts: Counter[str] = Counter()
    for _ in range(MOST_ROUNDS):
        # Again, after the hashes are kept: what was written until then is here now.
        person = find_person(store, address, also=earlier)
        remember(erasure, address, ids=person.ids)
        before = counts.total()
        for model in person.rows:
            for pks in person.chunks(model):
                for start in range(0, len(pks), ROWS_PER_TRANSACTION):
                    part = pks[start : start + ROWS_PER_TRANSACTION]
                    counts[model.__name__] += _erase_rows(model, part)
                    on_progress(model.__name__, counts[model.__name__])
        if counts.total() == before:
            break
    for model in models_of_the_app():
        counts[model.__name__] += _erase_mentions(store, model, address)
        on_progress(model.__name__, counts[model.__name__])
    counts["LogEntry"] += clean_history(person)
    erasure.counts = {name: count for name, count in sorted(counts.items()) if count}
    erasure.finished_at = timezone.now()
    erasure.save(update_fields=["counts", "finished_at"])
    logger.info("Erasure %s of %s changed %s rows.", erasure.pk, store.pk, counts.total())
    return erasure


def lift_erasure(store: Store, address: str) -> int:
    """Let the person be mirrored again, such as one who came back. Returns how many hashes went.

    What the remote still has comes with the next full sync.
    """
    return forget_hashes(store.pk, address)


def _erase_rows(model: type[Model], pks: Sequence[Any]) -> int:
    """Erase these rows of a person. Returns how many were not erased already."""
    table = TABLES[model.__name__]
    changed: list[Model] = []
    names: set[str] = set()
    with transaction.atomic():
        for row in in_one_order(model._default_manager.filter(pk__in=list(pks))):  # type: ignore[type-var]
            moved = _erase_row(row, table)
            if moved:
                changed.append(row)
                names.update(moved)
        if changed:
            model._default_manager.bulk_update(changed, sorted(names), batch_size=50)
    return len(changed)


def _erase_row(row: Any, table: Table) -> set[str]:
    """Change a row in memory. Returns the columns that moved."""
    new: dict[str, Any] = {}
    for name in table.columns("emptied"):
        new[name] = type(row)._meta.get_field(name).get_default()
    for name in table.columns("scrubbed"):
        # A line item is scrubbed as within its order, where the name is of what was bought.
        section = "items" if isinstance(row, OrderItem) else ""
        new[name] = _scrubbed(getattr(row, name), section=section)
    for name in table.columns("replaced"):
        new[name] = without_texts(getattr(row, name))
    for name in table.columns("cut"):
        new[name] = _cut(getattr(row, name))
    if table.shortened and not _is_under_way(row):
        new[table.shortened] = row.without_words()
    for name in table.columns("reread"):
        new[name] = _READ_AGAIN[name](new["payload"])
    moved = {name for name, value in new.items() if getattr(row, name) != value}
    if not moved:
        return set()
    for name, value in new.items():
        setattr(row, name, value)
    for name in _digest_column(type(row)):
        setattr(row, name, _digest(row))
        moved.add(name)
    if isinstance(row, Order):
        # Of the list's form, which is not here.
        row.list_digest = ERASED_DIGEST
        moved.add("list_digest")
    return moved


def _is_under_way(row: Any) -> bool:
    """An action that may still be sent needs its parameters; its end takes the words out."""
    return isinstance(row, RemoteAction) and row.is_open


def _scrubbed(value: Any, *, section: str = "") -> Any:
    """A payload; or what asked for an order's details, which holds one."""
    if not isinstance(value, dict):
        return value
    if "order" in value and value.keys() & {"at", "seen_at"}:
        return {**value, "order": scrubbed(value["order"])}
    return scrubbed(value, section=section)


def _cut(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _country(payload: dict[str, Any]) -> str:
    inner = payload.get("billingAddress")
    return str(inner.get("country") or "") if isinstance(inner, dict) else ""


_READ_AGAIN: dict[str, Callable[[dict[str, Any]], str]] = {
    "billing_country": _country,
    "reason": lambda payload: str(payload.get("reason") or ""),
}

_FORMS: dict[type[Model], Any] = {
    Customer: schemas.CustomerRecord,
    Dispute: schemas.Dispute,
    LedgerEntry: schemas.LedgerEntry,
    Order: schemas.Order,
    Refund: schemas.Refund,
    Subscription: schemas.Subscription,
}


def _digest(row: Any) -> str:
    """What the sync will compute of the scrubbed object."""
    before = str(row.digest)
    if before in ("", TO_BE_READ_AGAIN) or not row.payload:
        return before
    if isinstance(row, License):
        item = schemas.License.from_json(row.payload)
        return replace(item, key_hash=row.key_hash, key_last_four=row.key_last_four).digest
    if isinstance(row, OrderItem):
        line = schemas.OrderItem.from_json(row.payload)
        return child_digest(line.digest, position=row.position, currency=row.currency)
    found: str = _FORMS[type(row)].from_json(row.payload).digest
    return found


def _digest_column(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if field.name == "digest"]


def _erase_mentions(store: Store, model: type[Model], address: str) -> int:
    """Replace the address in texts of any row of the store, whoever it is about."""
    table = TABLES[model.__name__]
    columns = table.texts
    if not columns:
        return 0
    changes = changes_of(model, columns, address)
    names = [*columns, *_digest_column(model)]
    changed = 0
    pks = mentions(store, model, columns, address)
    for start in range(0, len(pks), ROWS_PER_TRANSACTION):
        part = pks[start : start + ROWS_PER_TRANSACTION]
        with transaction.atomic():
            found = model._default_manager.filter(pk__in=part)
            rows = list(found.select_for_update(of=("self",)))
            for row in rows:
                for name in columns:
                    if name == table.shortened and _is_under_way(row):
                        continue  # it is still sent so
                    setattr(row, name, changes[name](getattr(row, name)))
                for name in _digest_column(model):
                    setattr(row, name, _digest(row))
            model._default_manager.bulk_update(rows, names, batch_size=50)
        changed += len(rows)
    return changed
