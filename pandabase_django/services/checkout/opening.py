"""Opens a checkout session: first a row of what is asked, then the one request.

A lost answer leaves the row UNKNOWN, and harmless: nobody knows that session's address, and an
equal call opens another one. Equal calls while a session lives give that one, so that a double
click, two tabs or the back button lead to one payment. So does a click after a declined card: that
session may have been paid by then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.masking import mask
from pandabase_django.api.params import CustomerDetails, CustomField
from pandabase_django.database import transaction
from pandabase_django.exceptions import (
    CheckoutError,
    CheckoutRefused,
    CheckoutUnknown,
    ConfigurationError,
    PandabaseError,
)
from pandabase_django.models import CheckoutSession, Store
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.checkout.asked import (
    PUBLIC_ID,
    Asked,
    user_exists,
    user_id_of,
)
from pandabase_django.services.checkout.clients import public_client_for
from pandabase_django.services.checkout.lines import (
    ItemLike,
    checked_lines,
)
from pandabase_django.services.checkout.refusals import error_for, refused, refused_here

__all__ = ["open_checkout"]

logger = get_logger(__name__)

LIFE = timedelta(hours=6)  # Source: P-37
# A session that ends before the buyer has typed in a card helps nobody.
LEFT_AT_LEAST = timedelta(minutes=5)
# Whoever opens an equal one has an answer or a time-out by then, or was killed.
OPENED_WITHIN = timedelta(seconds=30)
LOOK_EVERY_SECONDS = 0.1
MAX_REFUSAL_CHARACTERS = 500

State = CheckoutSession.State


def open_checkout(
    store: Store,
    items: Sequence[ItemLike],
    *,
    return_url: str,
    cancel_url: str = "",
    user: Any = None,
    purpose: str = "",
    context: Any = None,
    customer: CustomerDetails | None = None,
    coupon_code: str = "",
    discount_limit_minor: int | None = None,
    fields: Sequence[CustomField] = (),
    tax_id: str = "",
    title: str = "",
    description: str = "",
    idempotency: str = "",
) -> CheckoutSession:
    """Open a checkout session; send the buyer to its ``checkout_url``::

        session = open_checkout(
            product.store, [(product, 1)], user=request.user, purpose="course",
            context={"course": course.pk}, return_url="https://shop.example/thanks/{session}/",
        )
        return redirect(session.checkout_url)

    Call it outside of transactions: what is asked is committed before the request is sent.

    Args:
        store: The store that sells.
        items: Products, variants, either with a quantity, ``Item`` or ``FreeItem``.
        return_url: Where the buyer comes back to: https, or http to this machine. ``{session}`` in
            it becomes the session's public id.
        cancel_url: The same for a buyer who leaves without paying; "" for nowhere.
        user: The shop's user who buys; None or an anonymous one is a guest.
        purpose: What handlers are found by (``on_paid``), at most 100 characters.
        context: The shop's own JSON; it never leaves the shop.
        customer: What the pay page is filled with. It is not kept here.
        coupon_code: A coupon to begin with.
        discount_limit_minor: The largest discount that counts; None: that of any coupon of the
            store, whose owner made it.
        fields: At most three fields that the buyer fills in.
        tax_id: The buyer's.
        title: Heading of the pay page.
        description: A text below it.
        idempotency: Tells calls apart that are equal but for this; or says of guests' that they
            are one, such as a random text in a visitor's session. Without user and this each is
            its own.

    Returns:
        The session, OPEN; or the one that an equal call has opened, as long as it is open: FAILED
        when a payment of it was declined, and it can be paid still.

    Raises:
        TransactionManagementError: A transaction is open.
        TypeError: An argument is of a wrong kind, or what becomes JSON is none.
        ValueError: The user is not saved.
        CheckoutRefused: It can't be opened so; nothing was opened.
        CheckoutUnavailable: Nothing was opened, and a later call may succeed.
        CheckoutUnknown: The answer got lost; an equal call opens another session.
    """
    transaction.refuse_outer("open_checkout")
    asked = Asked(
        store=store,
        lines=[],
        return_url=return_url,
        cancel_url=cancel_url,
        user_id=user_id_of(user),
        purpose=purpose,
        context={} if context is None else context,
        customer=customer,
        coupon_code=coupon_code.strip(),
        discount_limit_minor=discount_limit_minor,
        fields=list(fields),
        tax_id=tax_id,
        title=title,
        description=description,
        idempotency=idempotency,
    )
    # Error reports show variables; the key of a visitor's session lets its reader in.
    del user, context, customer, coupon_code, fields, tax_id, title, description, idempotency
    asked.check()
    refusal = refused_here(store)
    if refusal is not None:
        raise refusal
    asked = replace(asked, lines=checked_lines(store, items))
    key = asked.key()
    deadline = time.monotonic() + OPENED_WITHIN.total_seconds()
    while True:
        session, is_ours = _prepared(asked, key)
        if is_ours:
            return _opened(session, asked)
        if session.state != State.PREPARED:
            return session
        if time.monotonic() > deadline:
            raise error_for(PandabaseError("An equal call is opening it still.", retryable=True))
        time.sleep(LOOK_EVERY_SECONDS)


def _prepared(asked: Asked, key: str) -> tuple[CheckoutSession, bool]:
    """The row of this call, or that of an equal one; and whether this call is to open it."""
    now = timezone.now()
    equal = CheckoutSession.objects.filter(store=asked.store, same_key=key)
    while True:
        known = equal.filter(state__in=(State.PREPARED, State.OPEN)).first() if key else None
        if known is not None and known.state == State.OPEN:
            if known.expires_at is not None and known.expires_at - now >= LEFT_AT_LEAST:
                return known, False
            equal.filter(pk=known.pk, state=State.OPEN).update(state=State.EXPIRED)
        elif known is not None:
            if now - known.created_at < OPENED_WITHIN:
                return known, False
            equal.filter(pk=known.pk, state=State.PREPARED).update(state=State.UNKNOWN)
        elif key and (declined := _declined(equal, now)) is not None:
            return declined, False
        session = CheckoutSession(
            store=asked.store,
            user_id=asked.user_id,
            had_user=asked.user_id is not None,
            purpose=asked.purpose,
            context=asked.context,
            items=[line.to_json() for line in asked.lines],
            currency=asked.lines[0].currency,
            subtotal_minor=asked.subtotal_minor,
            coupon_code=asked.coupon_code,
            discount_limit_minor=asked.discount_limit_minor,
            same_key=key,
        )
        session.return_url = asked.return_url.replace(PUBLIC_ID, session.public_id)
        session.cancel_url = asked.cancel_url.replace(PUBLIC_ID, session.public_id)
        try:
            with transaction.atomic():
                session.save(force_insert=True)
        except IntegrityError:
            is_gone = not user_exists(asked.user_id)
            if not is_gone and not (key and equal.exists()):
                raise  # it is no equal call that was faster
        else:
            return session, True
        if is_gone:
            raise refused("user", "The user was deleted meanwhile.")


def _declined(equal: QuerySet[CheckoutSession], now: datetime) -> CheckoutSession | None:
    """The last session whose payment was declined, if it can be paid still."""
    # By the time of its making as well: there is an index for that, and none for the key.
    rows = equal.filter(state=State.FAILED, created_at__gt=now - LIFE)
    living = rows.filter(expires_at__gte=now + LEFT_AT_LEAST).exclude(checkout_url="")
    return living.order_by("-created_at").first()


def _opened(session: CheckoutSession, asked: Asked) -> CheckoutSession:
    """Send the one request, and keep what comes of it."""
    failure = _sent(session, asked)
    if failure is not None:
        raise failure
    session.refresh_from_db()
    return session


def _sent(session: CheckoutSession, asked: Asked) -> CheckoutError | None:
    """Send it, and write what came of it. Returns why the buyer can't be sent to the session.

    Returned and not raised: frames of the request hold what was sent, and its answer.
    """
    try:
        with public_client_for(asked.store) as client:
            answer = client.checkout.create(asked.body(session))
    except PandabaseError as error:
        failure = error_for(error, hidden=asked.said_of_the_buyer())
        lost = isinstance(failure, CheckoutUnknown)
        _give_up(session, State.UNKNOWN if lost else State.REFUSED, str(failure))
        return failure
    except ConfigurationError as error:
        _give_up(session, State.REFUSED, str(error))
        raise
    problem = _problem(answer, asked)
    rows = CheckoutSession.objects.filter(pk=session.pk)
    if problem is not None:
        rows.update(session_id=answer.id)
        _give_up(session, State.REFUSED, str(problem))
        return problem
    rows.update(
        session_id=answer.id,
        checkout_url=answer.checkout_url or answer.pay_redirect_url,
        pay_url=answer.pay_redirect_url or answer.checkout_url,
        expires_at=answer.expires_at or timezone.now() + LIFE,
        opened_at=timezone.now(),
    )
    # Its order may have been here before this answer.
    rows.filter(state=State.PREPARED).update(state=State.OPEN)
    return None


def _give_up(session: CheckoutSession, state: CheckoutSession.State, why: str) -> None:
    text = mask(why)[:MAX_REFUSAL_CHARACTERS]
    CheckoutSession.objects.filter(pk=session.pk, state=State.PREPARED).update(
        state=state, refusal=text
    )
    logger.warning(
        "Checkout %s was not opened: %s", session.pk, text, extra=facts(store=session.store_id)
    )


def _problem(answer: schemas.CheckoutSession, asked: Asked) -> CheckoutRefused | None:
    """Why the buyer must not be sent to this session; None when he may."""
    if not (answer.checkout_url or answer.pay_redirect_url):
        return refused("answer", "Pandabase's answer has no address that a browser may be sent to.")
    cost = asked.subtotal_minor
    if answer.amount_minor not in (None, cost):
        said = f"The items cost {answer.amount_minor} at Pandabase, and {cost} here."
        return refused("price_changed", f"{said} Sync the products.")
    shown = [(line.amount_minor, line.quantity) for line in answer.items or ()]
    ours = [(line.price_minor, line.quantity) for line in asked.lines]
    complete = answer.items is not None and all(None not in line for line in shown)
    if complete and Counter(shown) != Counter(ours):
        return refused("price_changed", "Pandabase's session has other lines. Sync the products.")
    discount, limit = answer.discount_amount_minor, asked.discount_limit_minor
    if discount is not None and limit is not None and discount > limit:
        return refused("coupon", f"The coupon takes off {discount}, and {limit} are allowed.")
    return None
