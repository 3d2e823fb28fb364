"""Reads one mirrored row again: an event names it, or something was just done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.database import transaction
from pandabase_django.exceptions import DatabaseBusy, ProtocolError
from pandabase_django.models import Store
from pandabase_django.services.erasures.scrubber import may_write
from pandabase_django.services.sync.mirror.resource import Item, Resource
from pandabase_django.services.sync.mirror.rows import row_of
from pandabase_django.services.sync.mirror.upsert import in_one_order, upsert
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run.change_notes import ChangeNotes
from pandabase_django.services.sync.run.failures import transact
from pandabase_django.services.sync.run.reader import Reader
from pandabase_django.services.tokens.clients import client_for

__all__ = ["Answer", "fetch_and_write", "fetch_row"]

TRIES = 5

S = TypeVar("S", bound=Item)


@dataclass(frozen=True, slots=True)
class Answer(Generic[S]):
    """An object that was asked for.

    Attributes:
        item: What the remote said.
        asked_at: When it was asked for.
    """

    item: S
    asked_at: datetime


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
        DatabaseBusy: Others wrote the row each time that it was read.
        PandabaseError: It could not be read.
        ConfigurationError: The store has no active token.
    """
    notes = ChangeNotes(store_id=store.pk, delivery_id=delivery_id, user_id=user_id)

    def get(client: Client) -> Any:
        listing: Any = resource.listing(client)
        return listing.get(pk)

    return fetch_and_write(
        store,
        pk,
        get=get,
        writer=lambda: partial(_write, store=store, resource=resource, notes=notes),
        while_waiting=while_waiting,
    )


def fetch_and_write(
    store: Store,
    pk: str,
    *,
    get: Callable[[Client], S],
    writer: Callable[[], Callable[[Answer[S]], bool]],
    while_waiting: Callable[[], None],
) -> S:
    """Fetch an object outside of any transaction, and write it in one.

    It is fetched again when somebody else wrote it meanwhile, or a person was erased.

    Args:
        store: Whose it is.
        pk: The remote's id.
        get: Asks for it.
        writer: Called before it is asked for. What it returns writes the answer, and says whether
            it did: not when somebody else wrote meanwhile, maybe from a newer state.
        while_waiting: Called each second while the answer is waited for.

    Raises:
        DatabaseBusy: Others wrote it each time.
        PandabaseError: It could not be read.
        ConfigurationError: The store has no active token.
    """
    for _ in range(TRIES):
        write = writer()
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
            item = reader.one(partial(get, client))
            is_wanted = partial(may_write, store.pk, client.scrub)
        if item.id != pk:
            raise ProtocolError(f"{pk} came back as {item.id}.")
        answer = Answer(item, asked_at)
        if transact(partial(_write_wanted, answer, write, is_wanted)):
            return item
    raise DatabaseBusy(f"{pk} was written by others each time that it was read.")


def _write_wanted(
    answer: Answer[S], write: Callable[[Answer[S]], bool], is_wanted: Callable[[], bool]
) -> bool:
    with transaction.atomic():
        leases.limit_idling()
        return is_wanted() and write(answer)


def _write(
    answer: Answer[Any], *, store: Store, resource: Resource[Any], notes: ChangeNotes
) -> bool:
    """Write an answer; False when the row was written after it was asked for."""
    model = resource.table
    rows = in_one_order(model._default_manager.filter(pk=answer.item.id, store=store))
    if any(row.synced_at > answer.asked_at for row in rows):
        return False
    row = row_of(model, answer.item, store_id=store.pk, now=timezone.now())
    notes.wrote(upsert(model, [row], keep=resource.keep).changes)
    return True
