"""Whether an order paid for just what a checkout session had asked for. Asks no database.

Anybody can open a checkout with any line, price and metadata, and pay it (Source: P-36, P-38). So
an order counts only when all that it says fits what the shop wrote down before: how it names the
session, its currency, its lines, and its sums. Each rule gives its own code (``CODES``).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pandabase_django.models import CheckoutSession, Order, OrderItem, Purchase

__all__ = ["CODES", "NAMING", "SETTLED", "Difference", "Judgement", "judge"]

SETTLED = ("COMPLETED", "REFUNDED", "CHARGEBACK")
"""Statuses of an order that was paid, whatever came later. Source: P-27."""

SESSION_PREFIX = "cs_"  # how ids of sessions begin. Source: P-37

NAMING = ("other_session", "other_number")
"""Such an order is not the session's own: it says nothing of what became of that one."""

CODES = (
    *NAMING,
    "already_paid",
    "currency",
    "line_missing",
    "line_extra",
    "line_price",
    "discount",
    "discount_without_code",
    "discount_above_limit",
    "paid_less",
)
"""All that can differ."""

Verdict = Purchase.Verdict
Line = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What an order says otherwise than its session.

    Attributes:
        code: One of ``CODES``.
        expected: What the session says.
        found: What the order says.
    """

    code: str
    expected: str = ""
    found: str = ""

    def to_json(self) -> dict[str, str]:
        """As a purchase keeps it."""
        return {"code": self.code, "expected": self.expected, "found": self.found}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an order is to a session.

    Attributes:
        verdict: WAITING, MATCHED, MISMATCH or RENEWAL.
        differences: What does not fit; of a MISMATCH at least one.
    """

    verdict: Purchase.Verdict
    differences: tuple[Difference, ...] = ()


# In the place of a difference: the order does not show yet what must be known.
_NOT_SHOWN = None


def judge(
    order: Order,
    lines: Sequence[OrderItem] | None,
    *,
    by_number: CheckoutSession | None,
    by_reference: CheckoutSession | None,
    paid_by: str = "",
) -> Judgement:
    """Judge an order that names a session of its own store, by number or by reference.

    An expired session that was paid after all is judged like any other: the money is here. What
    the buyer's own currency came to is of no interest: the store is paid in ``currency``.

    Args:
        order: The order, as its own details show it.
        lines: Its lines; None when they are not known.
        by_number: The session whose id is the order's number (Source: P-40).
        by_reference: The session that the order's metadata names with a good signature.
        paid_by: The id of another order that was paid for this session already.

    Raises:
        ValueError: It names none.
    """
    session = by_number or by_reference
    if session is None:
        raise ValueError("The order names no session.")
    naming = tuple(_naming(order, by_number, by_reference))
    if order.status not in SETTLED:
        return Judgement(Verdict.WAITING, naming)
    found = [*naming, *_differences(session, order, lines)]
    differences = tuple(difference for difference in found if difference is not _NOT_SHOWN)
    # What differs for certain decides at once, whatever else the order is yet to say.
    if lines is None or (_NOT_SHOWN in found and not differences):
        return Judgement(Verdict.WAITING, naming)
    if paid_by and not differences and _is_renewal(session, order):
        return Judgement(Verdict.RENEWAL)
    if paid_by:
        differences = (Difference("already_paid", "", paid_by), *differences)
    return Judgement(Verdict.MISMATCH if differences else Verdict.MATCHED, differences)


def _naming(
    order: Order, by_number: CheckoutSession | None, by_reference: CheckoutSession | None
) -> Iterator[Difference]:
    if by_number and by_reference and by_number.pk != by_reference.pk:
        yield Difference("other_session", by_reference.session_id, by_number.session_id)
    elif by_reference and not by_number:
        # Somebody copied the metadata into a session of his own. Of one whose answer got lost the
        # id is not known; then the reference alone decides, which only the remote has seen.
        known, number = by_reference.session_id, order.order_number
        if known and number.startswith(SESSION_PREFIX):
            yield Difference("other_number", known, number)


def _is_renewal(session: CheckoutSession, order: Order) -> bool:
    """Whether a subscription was paid for again; while the session could be paid, it was twice."""
    ended, created = session.expires_at, order.created_at
    return bool(session.has_subscription and ended and created and created > ended)


def _differences(
    session: CheckoutSession, order: Order, lines: Sequence[OrderItem] | None
) -> Iterator[Difference | None]:
    if not order.currency:
        yield _NOT_SHOWN
    elif order.currency.upper() != session.currency.upper():
        yield Difference("currency", session.currency, order.currency)
    if lines is None or any(line.quantity is None or line.price_minor is None for line in lines):
        yield _NOT_SHOWN
        return
    yield from _lines(session.items, lines)
    subtotal = sum((line.price_minor or 0) * (line.quantity or 0) for line in lines)
    yield from _sums(session, order, subtotal=subtotal)


def _lines(asked: Iterable[dict[str, Any]], paid: Sequence[OrderItem]) -> Iterator[Difference]:
    """Compare lines, in whatever order, and however pieces of one kind are put together."""
    wanted: Counter[Line] = Counter()
    prices: dict[Line, tuple[int, bool]] = {}
    for item in asked:
        key = _key_of(item)
        wanted[key] += item["quantity"]
        least = item.get("least_minor")
        prices[key] = (item["price_minor"], False) if least is None else (least, True)
    found: Counter[Line] = Counter()
    for line in paid:
        key = _fitting(line, wanted)
        found[key] += line.quantity or 0
        if (line.quantity or 0) <= 0:
            yield Difference("line_extra", "", f"{line.quantity} x {_name(key)}")
        if key not in prices:
            continue
        price, at_least = prices[key]
        if line.price_minor != price and not (at_least and (line.price_minor or 0) >= price):
            said = f"≥ {price}" if at_least else str(price)
            yield Difference(
                "line_price", f"{_name(key)}: {said}", f"{_name(key)}: {line.price_minor}"
            )
    for key in wanted.keys() | found.keys():
        if found[key] < wanted[key]:
            yield Difference("line_missing", f"{wanted[key]} x {_name(key)}", str(found[key]))
        elif found[key] > wanted[key]:
            yield Difference("line_extra", str(wanted[key]), f"{found[key]} x {_name(key)}")


def _key_of(item: dict[str, Any]) -> Line:
    """What one piece is: product and variant, or the name and price of a free line."""
    if item.get("product_id"):
        return (item["product_id"], item.get("variant_id") or "", "")
    return ("", _plain(item["name"]), str(item["price_minor"]))


def _fitting(line: OrderItem, wanted: Counter[Line]) -> Line:
    if not line.product_id:
        # A free line's price is a part of what it is: two may have one name.
        return ("", _plain(line.name), str(line.price_minor))
    key = (line.product_id, line.variant_id or "", "")
    # Where no variant was asked for, the remote may show the one that it took.
    anyone = (line.product_id, "", "")
    return anyone if key not in wanted and anyone in wanted else key


def _plain(name: str) -> str:
    """A name without what a form or a database may change in it."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _name(key: Line) -> str:
    product, variant, price = key
    if product:
        return f"{product}/{variant}" if variant else product
    return f"“{variant}” ({price})"


def _sums(session: CheckoutSession, order: Order, *, subtotal: int) -> Iterator[Difference | None]:
    """Compare what was paid. Tax may come on top of the lines, or be a part of them."""
    discount = order.discount_minor
    if discount is None:
        # With a code and without its amount: what the order is cheaper by.
        cheaper = order.discount_code and order.amount_minor is not None
        discount = max(0, subtotal - (order.amount_minor or 0)) if cheaper else 0
    if not 0 <= discount <= subtotal:
        yield Difference("discount", f"0…{subtotal}", str(discount))
        discount = 0
    limit = session.discount_limit_minor
    if discount and not (order.discount_code or session.coupon_code):
        yield Difference("discount_without_code", "0", str(discount))
    elif limit is not None and discount > limit:
        yield Difference("discount_above_limit", f"≤ {limit}", str(discount))
    due = subtotal - discount
    total, amount = order.total_minor, order.amount_minor
    if total is None and amount is None and due:
        yield _NOT_SHOWN
    paid = [known for known in (total, amount) if known is not None]
    # Where prices include the tax, the amount may be what is left without it.
    is_net = total == due and (amount or 0) + (order.tax_minor or 0) == due
    if paid and min(paid) < due and not is_net:
        yield Difference("paid_less", f"≥ {due}", str(min(paid)))
