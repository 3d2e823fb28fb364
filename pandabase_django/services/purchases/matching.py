"""Links orders to the checkout sessions that they name, where their details are written.

Called inside the transaction that writes the orders, whoever has read them: so no order is ever
here without its verdict, and whoever writes an order holds its lock. Orders that name no session
cost two queries together. Lock order: orders, sessions, purchases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.reading import MAX_ID_CHARACTERS
from pandabase_django.database import connection, transaction
from pandabase_django.models import CheckoutSession, Order, OrderItem, Purchase
from pandabase_django.models.base.mirror import text_map
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.judgement import NAMING, SESSION_PREFIX, judge
from pandabase_django.services.purchases.reference import reference_in
from pandabase_django.services.purchases.subscriptions import find_subscriptions
from pandabase_django.services.reasons import kept_reason

__all__ = ["accept_purchase", "match_orders"]

logger = get_logger(__name__)

State = CheckoutSession.State
Verdict = Purchase.Verdict
Standing = Purchase.Standing

_STANDING = {
    "COMPLETED": Standing.IN_FORCE,
    "REFUNDED": Standing.REVERSED,
    "CHARGEBACK": Standing.REVERSED,
}
"""By the status of the order. Source: P-27."""


_LARGE = ("payload", "list_row", "due_cause")
"""Columns of an order that say nothing here."""


def match_orders(answers: Sequence[schemas.Order], *, store_id: str) -> None:
    """Judge orders whose details were just written, and note what handlers are to be called for.

    Args:
        answers: The details, as they were believed and written.
        store_id: The store they are of.
    """
    if not answers:
        return
    named = {
        answer.id: (
            answer.order_number or "",
            reference_in(text_map(answer.payload.get("metadata"))),
        )
        for answer in answers
    }
    known = Purchase.objects.filter(order__in=list(named)).values_list("session", flat=True)
    sessions = _locked(
        store_id,
        numbers={number for number, _ in named.values() if number},
        references={reference for _, reference in named.values() if reference},
        known=set(known),
    )
    if not sessions:
        return
    purchases = _purchases_of(sessions.values())
    by_number = {session.session_id: session for session in sessions.values() if session.session_id}
    wanted = [
        pk
        for pk, (number, reference) in named.items()
        if pk in purchases or number in by_number or reference in sessions
    ]
    unlisted = {answer.id for answer in answers if answer.items is None}
    lines = _lines_of(wanted)
    moved, customers = set(), set()
    orders = Order.objects.filter(pk__in=wanted, store=store_id).defer(*_LARGE)
    for order in orders.order_by("created_at", "pk"):
        number, reference = named[order.pk]
        naming = _Naming(by_number.get(number), sessions.get(reference))
        purchase = purchases.get(order.pk)
        if purchase is None or not (purchase.belongs or purchase.verdict == Verdict.RENEWAL):
            if naming.session is None:
                continue  # it named one once
            # One without a single line that did not say so either is not known yet.
            found = lines.get(order.pk, None if order.pk in unlisted else [])
            purchase = _judged(order, found, naming, purchases)
            purchases[order.pk] = purchase
        _note_standing(purchase, order)
        moved.add(purchase.session_id)
        if purchase.belongs and sessions[purchase.session_id].has_subscription:
            customers.add(order.customer_id or "")
    if customers:
        find_subscriptions(store_id, customers=customers)
    _move_sessions([sessions[pk] for pk in sorted(moved)], purchases.values())


def accept_purchase(purchase_id: int, *, reason: str, user: Any) -> Purchase:
    """Have an order count for its session though something differs: a person decided so.

    Args:
        purchase_id: A purchase that is a MISMATCH.
        reason: Why, for the history.
        user: Who decided.

    Raises:
        ValueError: There is no reason; or it is no mismatch, and nothing was changed.
    """
    reason = kept_reason(reason)
    if not reason:
        raise ValueError("Accepting a purchase needs a reason for its history.")
    with transaction.atomic():
        found = Purchase.objects.get(pk=purchase_id)
        # As ``match_orders``: the order first.
        order = _for_update(Order.objects.filter(pk=found.order_id, store=found.store_id)).first()
        session = _for_update(CheckoutSession.objects.filter(pk=found.session_id)).get()
        purchase = Purchase.objects.get(pk=purchase_id)
        if purchase.verdict != Verdict.MISMATCH or order is None:
            raise ValueError("Only a mismatch whose order is here can be accepted.")
        purchase.verdict = Verdict.ACCEPTED
        purchase.user_id = session.user_id
        purchase.decided_at = timezone.now()
        purchase.accepted_by, purchase.accepted_reason = user, reason
        purchase.save()
        _note_standing(purchase, order)
        if session.has_subscription:
            find_subscriptions(order.store_id, customers=[order.customer_id or ""])
        _move_sessions([session], _purchases_of([session]).values())
        return purchase


@dataclass(frozen=True, slots=True)
class _Naming:
    by_number: CheckoutSession | None
    by_reference: CheckoutSession | None

    @property
    def session(self) -> CheckoutSession | None:
        return self.by_number or self.by_reference


def _locked(
    store_id: str, *, numbers: Collection[str], references: Collection[str], known: Collection[str]
) -> dict[str, CheckoutSession]:
    """The sessions that are named, locked, by their references."""
    of_store = CheckoutSession.objects.filter(store=store_id)
    named = {*references, *known}
    if numbers:
        # By a query of its own: an OR of both would use neither index.
        by_number = of_store.filter(session_id__in=list(numbers))
        named.update(by_number.values_list("pk", flat=True))
    if not named:
        return {}
    rows = _for_update(of_store.filter(pk__in=named))
    return {row.pk: row for row in rows.order_by("pk")}


def _purchases_of(sessions: Iterable[CheckoutSession]) -> dict[str, Purchase]:
    """All that name these sessions, by their orders; those that nobody else changes meanwhile."""
    rows = Purchase.objects.filter(session__in=list(sessions)).select_related("order")
    found = rows.defer(*(f"order__{name}" for name in _LARGE)).order_by("pk")
    return {str(purchase.order_id): purchase for purchase in found}


def _for_update(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows that no other matching has at the same time; new purchases may refer to them.

    SQLite has one writer at a time anyway, which this transaction is: it has written already.
    """
    if connection.features.has_select_for_update:
        return rows.select_for_update(no_key=True)
    return rows


def _lines_of(orders: Collection[str]) -> Mapping[str, list[OrderItem]]:
    found: dict[str, list[OrderItem]] = {}
    for line in OrderItem.objects.live().filter(order__in=list(orders)):
        found.setdefault(str(line.order_id), []).append(line)
    return found


def _judged(
    order: Order,
    lines: list[OrderItem] | None,
    naming: _Naming,
    purchases: Mapping[str, Purchase],
) -> Purchase:
    """Judge an order, anew if nothing is decided for good; writes what changed."""
    session = naming.session
    assert session is not None  # noqa: S101  the caller has looked
    purchase = purchases.get(order.pk)
    paid_by = (
        pk
        for pk, other in purchases.items()
        if other.session_id == session.pk and other.belongs and pk != order.pk
    )
    judgement = judge(
        order,
        lines,
        by_number=naming.by_number,
        by_reference=naming.by_reference,
        paid_by=next(paid_by, ""),
    )
    if purchase is None:
        purchase = Purchase(store_id=order.store_id, order=order)
    differences = [difference.to_json() for difference in judgement.differences]
    before = (purchase.session_id, purchase.verdict, purchase.differences)
    if purchase.pk and before == (session.pk, judgement.verdict, differences):
        return purchase
    purchase.session, purchase.verdict = session, judgement.verdict
    purchase.differences = differences
    purchase.decided_at = None if judgement.verdict == Verdict.WAITING else timezone.now()
    if purchase.belongs:
        purchase.user_id = session.user_id
        if not session.session_id and _is_session_id(order.order_number):
            session.session_id = order.order_number  # the answer that named it got lost
            session.save(update_fields=["session_id"])
    elif purchase.verdict == Verdict.MISMATCH:
        codes = ", ".join(difference.code for difference in judgement.differences)
        logger.warning(
            "Order %s does not fit its checkout %s: %s.",
            order.pk,
            session.pk,
            codes,
            extra=facts(store=session.store_id),
        )
    if purchase.pk or not _note_standing(purchase, order):
        purchase.save()
    return purchase


def _is_session_id(number: str) -> bool:
    return number.startswith(SESSION_PREFIX) and len(number) <= MAX_ID_CHARACTERS


def _note_standing(purchase: Purchase, order: Order) -> bool:
    """Have handlers called when an order that counts came to be in force, or is no longer.

    Returns whether that was so; then the purchase was written.
    """
    standing = _STANDING.get(order.status, "") if purchase.belongs else ""
    if not standing or standing == purchase.standing:
        return False
    queue.standing_changed(purchase, standing)
    return True


def _move_sessions(sessions: Iterable[CheckoutSession], purchases: Iterable[Purchase]) -> None:
    """Write what became of sessions by their orders."""
    of_session: dict[str, list[Purchase]] = {}
    for purchase in purchases:
        of_session.setdefault(purchase.session_id, []).append(purchase)
    for session in sessions:
        state = _state_by(of_session.get(session.pk, []))
        if state is not None and state != session.state:
            session.state = state
            session.save(update_fields=["state"])


def _state_by(purchases: list[Purchase]) -> CheckoutSession.State | None:
    """What orders make of a session; None when they say nothing of it."""
    states = set()
    for purchase in purchases:
        status = purchase.order.status if purchase.order else ""
        if purchase.belongs:
            states.add(State.REVERSED if purchase.standing == Standing.REVERSED else State.PAID)
        elif any(difference["code"] in NAMING for difference in purchase.differences):
            continue  # a stranger's: the session can be paid still
        elif purchase.verdict == Verdict.MISMATCH:
            states.add(State.MISMATCH)
        elif status in ("FAILED", "CANCELLED"):
            states.add(State.FAILED)
        elif status not in ("", "PENDING"):
            states.add(State.PROCESSING)
    order = (State.PAID, State.REVERSED, State.MISMATCH, State.PROCESSING, State.FAILED)
    return next((state for state in order if state in states), None)
