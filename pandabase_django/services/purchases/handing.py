"""Calls the shop's handlers for what became of a purchase: paid, reversed, restored.

What comes next follows from two columns: ``standing``, which is written with the order, and
``last_fact``.
So it does not matter who learned of the order, how often, or in which order: a reversal that comes
before anything was handed out cancels it. A fact that handlers are called for is a row; each
handler runs in one transaction with the note of its work, under the lock of that row. The next fact
begins under the same lock, so no handler of the one before can still be at work. Who writes orders
never waits for it.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django import observing
from pandabase_django.database import connection, transaction
from pandabase_django.events import FactHandler, fact_handlers, is_for_nobody
from pandabase_django.exceptions import interruptions
from pandabase_django.models import HandledFact, Order, Purchase, PurchaseFact
from pandabase_django.observing.logs import about, facts, get_logger
from pandabase_django.printable import printable
from pandabase_django.services.attempts.claims import Renewal, claim
from pandabase_django.services.attempts.schedule import (
    MAX_ATTEMPTS,
    Processed,
    Trouble,
    give_up,
    note_trouble,
    words_of,
)
from pandabase_django.services.erasures.deliveries import named_by
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.subscriptions import find_subscriptions

__all__ = ["next_fact", "process_purchase"]

logger = get_logger(__name__)

RAISED = "Raised: "
# One run calls for so many facts at most: an order does not come and go faster than this.
FACTS_AT_ONCE = 10

Fact = Purchase.Fact
Standing = Purchase.Standing
State = Purchase.State
FactState = PurchaseFact.State


def next_fact(last: str, standing: str) -> str:
    """What handlers are to be called for after the last fact; "" when for nothing."""
    if standing == Standing.IN_FORCE and last in ("", Fact.REVERSED):
        return Fact.RESTORED if last else Fact.PAID
    if standing == Standing.REVERSED and last in (Fact.PAID, Fact.RESTORED):
        return Fact.REVERSED
    return ""


def process_purchase(purchase_id: int) -> Processed:
    """Call the handlers that wait for a purchase.

    Nothing happens when none waits, another worker has it, or it is not due yet: messages may come
    twice. No error of a handler is raised; it is kept with the purchase.
    """
    purchase = _claimed(purchase_id)
    if purchase is None:
        return Processed()
    with about(store=purchase.store_id):
        if (
            purchase.subscription_id is None
            and purchase.session.has_subscription
            and purchase.order
        ):
            # Both are committed now: who wrote one of them may not have seen the other.
            find_subscriptions(purchase.store_id, customers=[purchase.order.customer_id or ""])
        try:
            with Renewal([purchase]).meanwhile():  # a handler, or the wait for one, may take long
                trouble = _call_for_facts(purchase)
        except interruptions() as error:
            _finish(
                purchase, Trouble(f"The task was ended in the middle ({type(error).__name__}).")
            )
            raise
        return _finish(purchase, trouble)


def _claimed(purchase_id: int) -> Purchase | None:
    due = Purchase.objects.filter(
        pk=purchase_id, state=State.PENDING, next_attempt_at__lte=timezone.now()
    )
    found = due.select_related("session").first()
    if found is None:
        return None
    if found.attempts >= MAX_ATTEMPTS:
        # Only a process that was killed leaves one so: it must not take a worker down for ever.
        why = "The worker was killed while it worked on this, each time."
        give_up(_mine(found), why, now=timezone.now())
        logger.error(
            "Purchase %s is given up: its worker was killed.",
            found.pk,
            extra=facts(store=found.store_id),
        )
        return None
    # When its standing has just changed, another message is on its way.
    if not claim(due.filter(attempts=found.attempts, mark=found.mark)):
        return None
    found.attempts += 1
    return found


def _mine(purchase: Purchase) -> QuerySet[Purchase]:
    """The row, as far as nobody else has claimed it and its standing has not changed."""
    return Purchase.objects.filter(
        pk=purchase.pk, state=State.PENDING, attempts=purchase.attempts, mark=purchase.mark
    )


def _call_for_facts(purchase: Purchase) -> Trouble | None:
    done = None
    for _ in range(FACTS_AT_ONCE):
        fact = _begin_next(purchase, done=done)
        if fact is None:
            return None
        through, trouble = _call_handlers(purchase, fact)
        if trouble is not None:
            return trouble
        done = fact if through else None
    return Trouble("Its order came and went again and again.")


def _begin_next(purchase: Purchase, *, done: PurchaseFact | None) -> PurchaseFact | None:
    """The fact that handlers are to be called for now; None when there is none.

    Args:
        purchase: The purchase.
        done: The fact that all handlers were just called for.
    """
    rows = Purchase.objects.filter(pk=purchase.pk).select_related("order")
    try:
        with transaction.atomic():
            begun = _locked(purchase.facts.order_by("-number")).first()
            if begun is not None and begun == done and begun.state == FactState.OPEN:
                _end(purchase, begun, FactState.DONE)
            here = rows.only(
                "last_fact", "standing", "store", "order__store", "order__gone_at"
            ).get()
            last, standing = here.last_fact, _standing_of(here)
            if not standing:
                return None  # the order is neither; what was begun goes on when it is again
            if begun is not None and begun.state == FactState.OPEN:
                if _holds(begun.fact, standing):
                    return begun
                last = _stop(purchase, begun, last)
            fact = next_fact(last, standing)
            if not fact:
                return None
            # Where another worker has begun the next one since, this number is taken.
            number = begun.number + 1 if begun else 1
            return PurchaseFact.objects.create(purchase=purchase, number=number, fact=fact)
    except IntegrityError:
        return _begin_next(purchase, done=done)


def _read(purchase_id: int) -> Purchase:
    """The purchase as it is now, with all that handlers ask of it."""
    related = ("order", "session", "store", "user")
    return Purchase.objects.select_related(*related).get(pk=purchase_id)


def _locked(facts: QuerySet[PurchaseFact]) -> QuerySet[PurchaseFact]:
    """Facts, once no handler of the first one is at work: of these each caller takes one."""
    if connection.features.has_select_for_update:
        return facts.select_for_update(no_key=True)
    # SQLite locks the whole database with the first write; reading first would let another writer
    # in between and end in "database is locked".
    facts.order_by().update(number=F("number"))
    return facts


def _standing_of(purchase: Purchase) -> str:
    """What the order of a purchase that was just read is; "" for neither in force nor reversed."""
    standing, order = purchase.standing, purchase.order
    if standing != Standing.IN_FORCE or (order is not None and order.gone_at is None):
        return standing
    orders = Order.objects.filter(pk=purchase.order_id, store=purchase.store_id)
    # Who is just writing that it is back has found the standing noted, and so calls nobody.
    if connection.features.has_select_for_update:
        orders = orders.select_for_update(no_key=True)
    row = orders.first()
    noted = Purchase.objects.get(pk=purchase.pk)
    if row is not None and row.gone_at is None:
        # Handlers never run under the order's lock: by another attempt.
        queue.standing_changed(noted, noted.standing)
    else:
        # It is noted again when the order comes back.
        Purchase.objects.filter(pk=noted.pk, standing=standing).update(standing="")
    return ""


def _holds(fact: str, standing: str) -> bool:
    return (fact == Fact.REVERSED) == (standing == Standing.REVERSED)


def _stop(purchase: Purchase, begun: PurchaseFact, last: str) -> str:
    """End a fact that is true no more. Returns what handlers were called for until then."""
    if begun.ended_at is None and not begun.handled.exists():
        begun.delete()  # no handler knows of it
        return last
    _end(purchase, begun, FactState.STOPPED)
    return begun.fact


def _end(purchase: Purchase, fact: PurchaseFact, state: PurchaseFact.State) -> None:
    fact.state, fact.ended_at = state, timezone.now()
    fact.save(update_fields=["state", "ended_at"])
    Purchase.objects.filter(pk=purchase.pk).update(last_fact=fact.fact)


def _call_handlers(purchase: Purchase, fact: PurchaseFact) -> tuple[bool, Trouble | None]:
    """Call those that were not called yet: whether all are through, and what was wrong.

    Neither, when the fact is true no more.
    """
    if is_for_nobody(purchase.purpose):
        # Misspelt; or this worker still has the code from before a deploy.
        return False, Trouble(
            f"No handler is for the purpose {printable(purchase.purpose)!r}. Add one that names "
            "it (one that does nothing, where nothing is to be done), and restart the workers."
        )
    failed = []
    for dotted, handler in fact_handlers(fact.fact, purchase.purpose).items():
        try:
            if not _call(fact, dotted, handler):
                return False, None
        except interruptions():
            raise
        except Exception as error:
            logger.exception("Handler %s failed for purchase %s.", dotted, purchase.pk)
            observing.handler_fails(dotted, kind="fact")
            failed.append((dotted, words_of(error)))
    if failed:
        return False, Trouble(RAISED, failed)
    return True, None


def _call(fact: PurchaseFact, dotted: str, handler: FactHandler) -> bool:
    """Call a handler unless it was called; False when the fact is true no more."""
    with transaction.atomic_for_shops():
        row = _locked(PurchaseFact.objects.filter(pk=fact.pk)).first()
        if row is None or row.state != FactState.OPEN:
            return False
        purchase = _read(fact.purchase_id)
        standing = _standing_of(purchase)
        if not standing or not _holds(fact.fact, standing):
            return False
        # Under the lock of the fact: nobody else notes it meanwhile.
        if not HandledFact.objects.filter(fact=row, handler=dotted).exists():
            HandledFact.objects.create(fact=row, handler=dotted)
            handler(purchase)
        return True


def _finish(purchase: Purchase, trouble: Trouble | None) -> Processed:
    """Write how an attempt ended; nothing, when another worker's attempt counts by now."""
    now, mine = timezone.now(), _mine(purchase)
    if trouble is None:
        columns: dict[str, Any] = {"finished_at": now, "next_attempt_at": None, "last_error": ""}
        return Processed(finished=mine.update(state=State.IDLE, **columns))
    named = named_by(purchase.store_id, {}, order_id=purchase.order_id or "")
    try:
        with transaction.atomic():
            kept = trouble.kept(purchase.store_id, named)
            wait = note_trouble(mine, trouble, kept, attempts=purchase.attempts, now=now)
    except LookupError:
        return Processed()
    if wait is None:
        logger.error("Purchase %s is given up: %s", purchase.pk, kept)
        return Processed(dead=1)
    return Processed(failed=1, retry_after_seconds=wait.total_seconds())
