"""Reads one mirrored row again: an event names it, or something was just done to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.exceptions import ProtocolError
from pandabase_django.models import Store
from pandabase_django.services.erasures.scrubber import is_current
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.mirror.rows import row_of
from pandabase_django.services.sync.mirror.upsert import in_one_order, upsert
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run.change_notes import ChangeNotes
from pandabase_django.services.sync.run.failures import transact
from pandabase_django.services.sync.run.reader import Reader
from pandabase_django.services.tokens.clients import client_for

__all__ = ["fetch_row"]


def fetch_row(
    store: Store,
    resource: Resource[Any],
    pk: str,
    *,
    delivery_id: str = "",
    user_id: Any = None,
    while_waiting: Callable[[], None] = lambda: None,
) -> Any:
    """Fetch an object and write its row; insert it when it is new.

    For resources whose list form and detail form fill the same columns, and that make nothing due.

    Args:
        store: Whose it is.
        resource: What it is.
        pk: The remote's id.
        delivery_id: Noted with the row.
        user_id: Noted too: who brought this about.
        while_waiting: Called each second while the answer is waited for.

    Returns:
        What was read.

    Raises:
        PandabaseError: It could not be read.
        ConfigurationError: The store has no active token.
    """
    asked_at = timezone.now()
    reader: Reader[Any]
    with (
        client_for(store, pool_size=1) as client,
        Reader(
            concurrency=1,
            while_waiting=while_waiting,
            renew=client.renew,
            give_up=client.give_up,
        ) as reader,
    ):
        listing: Any = resource.listing(client)
        answer = reader.one(lambda: listing.get(pk))
        scrub = client.scrub
    if answer.id != pk:
        raise ProtocolError(f"{pk} came back as {answer.id}.")
    notes = ChangeNotes(store_id=store.pk, delivery_id=delivery_id, user_id=user_id)
    is_wanted = partial(is_current, store.pk, scrub)
    write = partial(_write, answer, asked_at, store=store, resource=resource, notes=notes)
    if not transact(partial(write, is_wanted=is_wanted)):
        # Somebody wrote it meanwhile, maybe from a newer state, or a person was erased: ask again.
        return fetch_row(
            store,
            resource,
            pk,
            delivery_id=delivery_id,
            user_id=user_id,
            while_waiting=while_waiting,
        )
    return answer


def _write(
    answer: Any,
    asked_at: datetime,
    *,
    store: Store,
    resource: Resource[Any],
    notes: ChangeNotes,
    is_wanted: Callable[[], bool],
) -> bool:
    """Write an answer; False when the row was written after it was asked for, or is not wanted."""
    with transaction.atomic():
        leases.limit_idling()
        if not is_wanted():
            return False
        model = resource.table
        rows = in_one_order(model._default_manager.filter(pk=answer.id, store=store))
        if any(row.synced_at > asked_at for row in rows):
            return False
        row = row_of(model, answer, store_id=store.pk, now=timezone.now())
        notes.wrote(upsert(model, [row], keep=resource.keep).changes)
        return True
