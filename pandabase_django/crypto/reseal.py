"""Re-seals every secret under the first key, so that an old key can go.

Row by row, by compare-and-set on the sealed text: a secret that is replaced meanwhile wins, and
an interruption at any point leaves rows that open with either key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connections, models, router

from pandabase_django.crypto.fields import SealedField
from pandabase_django.crypto.keyring import current_keyring, key_id_of
from pandabase_django.crypto.secret import SealedSecret
from pandabase_django.exceptions import SealError, Tampered

__all__ = ["ResealReport", "reseal", "sealed_fields", "stored_key_ids"]

BATCH = 200


@dataclass(slots=True)
class ResealReport:
    """What became of the stored secrets.

    Attributes:
        current: Sealed with the first key already.
        resealed: Sealed with it now.
        overtaken: Replaced by somebody else meanwhile; theirs is kept.
        failed: Rows that can't be opened: model, primary key, reason.
    """

    current: int = 0
    resealed: int = 0
    overtaken: int = 0
    failed: list[tuple[str, str, str]] = field(default_factory=list)


def sealed_fields() -> Iterator[tuple[type[models.Model], SealedField]]:
    """Every sealed field of every installed model, once: proxies have no columns of their own."""
    for model in apps.get_models():
        for candidate in model._meta.local_concrete_fields:
            if isinstance(candidate, SealedField):
                yield model, candidate


def stored_key_ids(*, using: str | None = None) -> Counter[str]:
    """How many stored secrets each key has sealed; "" counts what is not sealed text.

    Args:
        using: Count in this database alone. None counts each model's secrets where it is written.
    """
    counts: Counter[str] = Counter()
    for model, sealed_field in sealed_fields():
        alias = using or router.db_for_write(model)
        if not _is_there(alias, sealed_field):
            continue
        rows = model._default_manager.using(alias).filter(**{f"{sealed_field.name}__isnull": False})
        for stored in rows.values_list(sealed_field.attname, flat=True):
            try:
                counts[key_id_of(str.__str__(stored))] += 1
            except Tampered:
                counts[""] += 1
    return counts


def reseal(*, on_row: Callable[[], None] = lambda: None) -> ResealReport:
    """Seal every secret under the first key.

    Args:
        on_row: Called after each row, for progress.

    Raises:
        KeysMissing: There is no key.
    """
    report = ResealReport()
    keyring = current_keyring()
    primary = keyring.primary_key_id
    for model, sealed_field in sealed_fields():
        for row in _rows(model, sealed_field):
            handle = getattr(row, sealed_field.attname)
            try:
                if key_id_of(handle.sealed) == primary:
                    report.current += 1
                else:
                    _reseal_row(model, sealed_field, row, handle, report)
            except SealError as error:
                report.failed.append((model._meta.label, str(row.pk), str(error)))
            on_row()
    return report


def _is_there(alias: str, sealed_field: SealedField) -> bool:
    """Before the first migration there is no table; a failed look at it would be an error."""
    return sealed_field.model._meta.db_table in connections[alias].introspection.table_names()


def _reseal_row(
    model: type[models.Model],
    sealed_field: SealedField,
    row: models.Model,
    handle: SealedSecret,
    report: ResealReport,
) -> None:
    fresh = sealed_field.seal(row, handle)
    if sealed_field.swap(model, row.pk, old=handle.sealed, new=fresh):
        report.resealed += 1
    else:
        report.overtaken += 1


def _rows(model: type[models.Model], sealed_field: SealedField) -> Iterator[Any]:
    """All rows with a secret, in batches by primary key, so that no cursor stays open."""
    names = [sealed_field.name, *sealed_field.bind]
    if sealed_field.hint_field:
        names.append(sealed_field.hint_field)
    rows = model._default_manager.using(router.db_for_write(model))
    rows = rows.filter(**{f"{sealed_field.name}__isnull": False}).order_by("pk")
    last: Any = None
    while True:
        batch = list((rows if last is None else rows.filter(pk__gt=last)).only(*names)[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].pk
