"""Records usage, in whatever transaction the caller has open.

Nothing is asked of the remote here, and nothing is refused that it might take: a time outside the
current period, or a subscription that is paused by now, is a matter for the answer.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.exceptions import UsageConflict
from pandabase_django.models import Subscription, UsageRecord
from pandabase_django.models.usage import MAX_QUANTITY
from pandabase_django.services.sync.mirror.bulk import insert_rows

__all__ = ["AHEAD", "Usage", "check_usage", "due_of", "record_usage", "record_usages"]

AHEAD = timedelta(minutes=55)
"""An event may lie an hour ahead of the remote's clock (P-52); ours may be off by some minutes."""

MAX_KEY_CHARACTERS = 128
ROWS_PER_STATEMENT = 2000
_EVENT = re.compile(r"[A-Za-z0-9_.\-]{1,64}\Z")  # names of meters. Source: P-52


@dataclass(frozen=True, slots=True)
class Usage:
    """One use, for ``record_usages``.

    Attributes:
        subscription: Whose; or its id.
        event: Name of the meter.
        quantity: How much, 0 to 2**53 - 1.
        key: The shop's own name of this use, of up to 128 characters; None: none.
        at: When it was used, aware; None is now.
    """

    subscription: Subscription | str
    event: str
    quantity: int
    key: str | None = None
    at: datetime | None = None


def record_usage(
    subscription: Subscription | str,
    event: str,
    quantity: int,
    key: str | None = None,
    at: datetime | None = None,
) -> UsageRecord:
    """Record that a subscription used something. A task sends it within a minute or two::

        with transaction.atomic():
            answer = Answer.objects.create(user=user, text=text)
            record_usage(subscription, "output_tokens", 512, key=f"answer-{answer.pk}")

    For the last minute of a period that may be too late, and then it is rejected: ``send_usage``
    sends at once.

    The row is a part of the caller's transaction: a rollback leaves nothing, a commit is never
    lost. One that lies more than an hour ahead waits here until it can be sent.

    Args:
        subscription: Whose; or its id, which costs a query.
        event: Name of the meter, as it was made at Pandabase.
        quantity: How much, 0 to 2**53 - 1.
        key: The shop's own name of this use, of up to 128 characters. The same key with the same
            subscription and event is recorded once, as long as the row is here
            (``USAGE_RETENTION_DAYS``). None: each call is a use of its own.
        at: When it was used; None is now.

    Returns:
        The row; with a key that is known, the one that is here.

    Raises:
        TypeError: A value of a wrong type.
        ValueError: A value out of range.
        UsageConflict: The key was recorded with another quantity or time.
        Subscription.DoesNotExist: There is no subscription of this id here.
    """
    given = Usage(subscription, event, quantity, key, at)
    row = UsageRecord(**_values(given, now=timezone.now()))
    if key is None:
        row.save(force_insert=True)
        return row
    UsageRecord.objects.bulk_create([row], ignore_conflicts=True)
    there = UsageRecord.objects.get(store=row.store_id, external_id=row.external_id)
    _refuse_conflict(row, there, at=at)
    return there


def record_usages(usages: Iterable[Usage]) -> int:
    """Record many at once, all or none. Returns how many were given.

    Args:
        usages: Any number, such as a generator of ``Usage(subscription, "calls", 1)``.

    Raises:
        TypeError: A value of a wrong type.
        ValueError: A value out of range.
        UsageConflict: A key was recorded with another quantity or time.
        Subscription.DoesNotExist: There is no subscription of one of these ids here.
    """
    given, number = iter(usages), 0
    stores: dict[str, str] = {}
    with transaction.atomic():
        while batch := list(islice(given, ROWS_PER_STATEMENT)):
            now = timezone.now()
            values = [_values(usage, now=now, stores=stores) for usage in batch]
            insert_rows(UsageRecord, [row for row in values if not row["key"]])
            _record_keyed(
                [
                    (UsageRecord(**row), usage.at)
                    for row, usage in zip(values, batch, strict=True)
                    if row["key"]
                ]
            )
            number += len(batch)
    return number


def check_usage(*, event: str, quantity: int, at: datetime) -> None:
    """Refuse what the remote never takes.

    Raises:
        TypeError: A value of a wrong type.
        ValueError: A value out of range.
    """
    if not isinstance(event, str):
        raise TypeError("event is a text.")
    if not _EVENT.match(event):
        raise ValueError("event has 1 to 64 of the characters A-Z, a-z, 0-9, '_', '.' and '-'.")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise TypeError("quantity is an int: meters count whole numbers.")
    if not 0 <= quantity <= MAX_QUANTITY:
        raise ValueError("quantity is 0 to 2**53 - 1.")
    if not isinstance(at, datetime):
        raise TypeError("at is a datetime.")
    if timezone.is_naive(at):
        raise ValueError("at has a time zone.")


def due_of(at: datetime, *, now: datetime) -> datetime:
    """When an event of this time can be sent: not long before it happens."""
    return max(now, at - AHEAD)


def _values(usage: Usage, *, now: datetime, stores: dict[str, str] | None = None) -> dict[str, Any]:
    at = now if usage.at is None else usage.at
    check_usage(event=usage.event, quantity=usage.quantity, at=at)
    key = usage.key
    if key is not None and not isinstance(key, str):
        raise TypeError("key is a text.")
    if key is not None and not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        raise ValueError(f"key has 1 to {MAX_KEY_CHARACTERS} characters.")
    store_id, subscription_id = _names(usage.subscription, {} if stores is None else stores)
    # The remote shows milliseconds: with more of them no comparison would ever be equal.
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return {
        "store_id": store_id,
        "subscription_id": subscription_id,
        "event": usage.event,
        "quantity": usage.quantity,
        "at": at,
        "key": key or "",
        "external_id": _new_id() if key is None else _id_of(subscription_id, usage.event, key),
        "recorded_at": now,
        "due_at": due_of(at, now=now),
    }


def _names(subscription: Subscription | str, stores: dict[str, str]) -> tuple[str, str]:
    if isinstance(subscription, Subscription):
        return subscription.store_id, subscription.pk
    if not isinstance(subscription, str):
        raise TypeError("subscription is a Subscription or its id.")
    if subscription not in stores:
        stores[subscription] = Subscription.objects.only("store_id").get(pk=subscription).store_id
    return stores[subscription], subscription


def _new_id() -> str:
    """Unique, and ascending with time: the index grows at its end."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


def _id_of(subscription_id: str, event: str, key: str) -> str:
    """Of a key.

    Meters belong to a product, and count an id once, whosever it is (P-52): two subscriptions with
    the key "2026-10" would be billed as one. And a key may say who somebody is.
    """
    named = json.dumps([subscription_id, event, key]).encode()
    return hashlib.sha256(b"pandabase.usage:" + named).hexdigest()


def _record_keyed(keyed: list[tuple[UsageRecord, datetime | None]]) -> None:
    # In one order, so that two callers with the same keys never wait for each other.
    rows = sorted((row for row, _ in keyed), key=lambda row: (row.store_id, row.external_id))
    UsageRecord.objects.bulk_create(rows, ignore_conflicts=True)
    by_store: dict[str, list[str]] = {}
    for row, _at in keyed:
        by_store.setdefault(row.store_id, []).append(row.external_id)
    there = {
        (row.store_id, row.external_id): row
        for store_id, ids in by_store.items()
        for part in _parts(ids)
        for row in UsageRecord.objects.filter(store=store_id, external_id__in=part)
    }
    for row, at in keyed:
        _refuse_conflict(row, there[row.store_id, row.external_id], at=at)


def _parts(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), 500):
        yield ids[start : start + 500]


def _refuse_conflict(row: UsageRecord, there: UsageRecord, *, at: datetime | None) -> None:
    # One that a person has corrected or dropped since is settled by that.
    differs = row.quantity != there.quantity or (at is not None and row.at != there.at)
    if differs and not there.is_corrected:
        raise UsageConflict(
            f"This key of {row.subscription_id} was recorded with another quantity or time."
        )
