"""Writes batches of mirror rows: new and changed ones, never the rest.

A row is compared by its digest, so a second sync of an unchanged store writes nothing. Callers
open the transaction and hold what protects it (a lease, or row locks).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django.api.reading import MAX_ID_CHARACTERS
from pandabase_django.conf import conf
from pandabase_django.models import MirrorRow
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.bulk import insert_missing, insert_or_update
from pandabase_django.services.sync.run.outcome import Change, Outcome

__all__ = [
    "child_digest",
    "child_id",
    "in_one_order",
    "mark_gone",
    "upsert",
]

M = TypeVar("M", bound=MirrorRow)

# What belongs to the row's life here and not to the remote object.
KEPT = frozenset({"id", "store", "first_seen_at"})


def upsert(
    model: type[M],
    rows: Iterable[M],
    *,
    keep: frozenset[str] = frozenset(),
    compare: tuple[str, ...] = (),
    newer_than: datetime | None = None,
    dry_run: bool = False,
) -> Outcome[M]:
    """Insert the new, update the changed, skip the rest.

    A row whose id another store owns is left out and named. Of rows with one id
    the last one counts. What changed is locked and compared once more, and so is what somebody
    else inserted meanwhile: the outcome says what was really there before.

    Args:
        model: The mirror model of all rows.
        rows: Complete unsaved instances, with ``digest`` and ``synced_at`` set.
        keep: Fields that an update leaves as they are.
        compare: Columns that show a change as the digest does.
        newer_than: Rows that were written after this time stay, and the outcome names those that
            differ; None keeps none.
        dry_run: Compare only.
    """
    outcome: Outcome[M] = Outcome()
    wanted = {row.pk: row for row in rows}
    if not wanted:
        return outcome
    compared = ("store_id", "digest", "gone_at", *compare)
    stored = model._default_manager.filter(Among(F("pk"), wanted))
    known = {pk: values for pk, *values in stored.values_list("pk", *compared)}

    def shows(row: M) -> list[Any]:
        return [getattr(row, name) for name in compared]

    new = [row for pk, row in wanted.items() if pk not in known]
    # First, while no row is locked here: what somebody else inserts is waited for.
    met = frozenset() if dry_run else insert_missing(model, new)
    owners = {pk: values[0] for pk, values in known.items()}
    moved = [
        pk
        for pk, values in known.items()
        if values[0] == wanted[pk].store_id and values != shows(wanted[pk])
    ]
    old = _columns_of(model, sorted({*moved, *met}), lock=not dry_run)
    owners.update((pk, before["store_id"]) for pk, before in old.items())
    changed: list[M] = []
    for pk, row in wanted.items():
        before, owner = old.get(pk), owners.get(pk)
        if owner is None:
            outcome.changes.append(_change(row, None))
        elif owner != row.store_id:
            outcome.left_out[pk] = f"{pk} belongs to store {owner} already; it was left out."
        elif before is None or [before[name] for name in compared] == shows(row):
            outcome.unchanged += 1
        elif newer_than and before["synced_at"] > newer_than:
            outcome.unchanged += 1
            outcome.newer.append(pk)
        else:
            row.appeared_at = _appeared_at(row, before, places=compare)
            outcome.changes.append(_change(row, before, keep=keep))
            changed.append(row)
    if not dry_run:
        fields = [name for name in _written_fields(model) if name not in keep]
        insert_or_update(model, changed, update_fields=fields)
    return outcome


def child_id(own: str | None, *, parent: str, position: int) -> str:
    """The id of a row that comes with its parent: by its place there when it has none."""
    named = own or f"{parent}:{position}"
    if len(named) <= MAX_ID_CHARACTERS:
        return named
    return hashlib.sha256(named.encode()).hexdigest()


def child_digest(digest: str, *, position: int, currency: str) -> str:
    """Digest of a row that takes its place and currency from its parent."""
    return hashlib.sha256(f"{digest} {position} {currency}".encode()).hexdigest()


def in_one_order(rows: QuerySet[M], *, skip_locked: bool = False) -> QuerySet[M]:
    """Lock these rows in the order of their ids, so that no two wait for each other's.

    Args:
        rows: As they are after the wait; one that no longer fits is not among them.
        skip_locked: Leave out those that somebody else has locked.
    """
    return rows.order_by("pk").select_for_update(no_key=True, skip_locked=skip_locked)


def mark_gone(
    model: type[M],
    *,
    ids: Collection[str],
    store_id: str,
    now: datetime,
    with_their_parent: bool = False,
    dry_run: bool = False,
) -> Outcome[M]:
    """Turn rows of this store into tombstones; those that are some already keep their time.

    Whatever proves their absence, rows that came here less than ``MARK_GONE_AFTER_SECONDS`` ago
    stay: a replica that lags has neither them nor a total that counts them. They are in
    ``too_new``, and the caller sees to it that they are looked for again.

    Args:
        model: The rows' model.
        ids: What the remote was seen without.
        store_id: Another store's rows stay as they are.
        now: Written into the tombstones.
        with_their_parent: They go whatever their age, since the parent that names them is gone.
        dry_run: Compare only.
    """
    rows = model._default_manager.filter(
        Among(F("pk"), ids), store_id=store_id, gone_at__isnull=True
    )
    edge = timezone.now() - timedelta(seconds=conf.mark_gone_after_seconds)
    outcome: Outcome[M] = Outcome()
    # Locked, so that none comes back between the look and the write.
    found = rows if dry_run else in_one_order(rows)
    for pk, first_seen_at, appeared_at in found.values_list("pk", "first_seen_at", "appeared_at"):
        if with_their_parent or max(first_seen_at, appeared_at or first_seen_at) <= edge:
            outcome.gone_rows.append((model, pk))
        else:
            outcome.too_new.append(pk)
    if not dry_run and outcome.gone_rows:
        old = [pk for _, pk in outcome.gone_rows]
        rows.filter(Among(F("pk"), old)).update(gone_at=now, synced_at=now)
    return outcome


def _appeared_at(
    row: MirrorRow, before: dict[str, Any], *, places: tuple[str, ...]
) -> datetime | None:
    """When a known row came to its place: now, when it was gone or elsewhere."""
    came: datetime | None = before["appeared_at"]
    stays = before["gone_at"] is None and all(getattr(row, p) == before[p] for p in places)
    return came if stays else row.synced_at


def _written_fields(model: type[MirrorRow]) -> list[str]:
    return [f.name for f in model._meta.concrete_fields if f.name not in KEPT]


def _columns_of(model: type[M], ids: Sequence[str], *, lock: bool) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    fields = model._meta.concrete_fields
    kept = {"appeared_at", "digest", "synced_at"}
    names = [f.attname for f in fields if f.name not in model.BOOKKEEPING or f.name in kept]
    rows = model._default_manager.filter(Among(F("pk"), ids))
    if lock:
        rows = in_one_order(rows)
    return {values["id"]: values for values in rows.values(*names)}


def _change(
    row: M, before: dict[str, Any] | None, *, keep: frozenset[str] = frozenset()
) -> Change[M]:
    if before is None:
        return Change(row=row, created=True, first_read=True, columns=(), before={})
    own = row.BOOKKEEPING | KEPT | {"store_id"} | keep
    columns = tuple(
        name for name, value in before.items() if name not in own and getattr(row, name) != value
    )
    return Change(
        row=row, created=False, first_read=before["digest"] == "", columns=columns, before=before
    )
