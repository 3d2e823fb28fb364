"""Sessions, and orders that pay for them, by the dice of a seed; and what attackers make of them.

Nothing here calls the judgement: an order is true since it was made from its session, and false
since something that matters was changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from pandabase_django.models import CheckoutSession, Order, OrderItem

__all__ = ["ATTACKS", "Case", "attacks_on", "honest"]

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


@dataclass
class Case:
    """An order beside what it is judged by."""

    session: CheckoutSession
    order: dict[str, Any]
    lines: list[dict[str, Any]] | None
    by_number: CheckoutSession | None
    by_reference: CheckoutSession | None
    paid_by: str = ""
    notes: set[str] = field(default_factory=set)

    def arguments(self) -> dict[str, Any]:
        """Of ``judge``."""
        lines = self.lines
        return {
            "order": Order(**self.order),
            "lines": None if lines is None else [OrderItem(**line) for line in lines],
            "by_number": self.by_number,
            "by_reference": self.by_reference,
            "paid_by": self.paid_by,
        }


def honest(seed: int) -> Case:
    """A session, and the order that a buyer made by paying it."""
    dice = random.Random(seed)
    items = [_item(dice, place) for place in range(dice.choice((1, 1, 2, 3, 10)))]
    session = CheckoutSession(
        store_id="shp_1",
        session_id=f"cs_{seed}",
        items=items,
        currency=dice.choice(("USD", "USD", "EUR", "JPY", "KWD")),
        subtotal_minor=sum(item["price_minor"] * item["quantity"] for item in items),
        coupon_code=dice.choice(("", "", "WELCOME10")),
        expires_at=NOW + timedelta(hours=dice.choice((-3, 5))),
    )
    lines = [_paid(dice, item) for item in items]
    subtotal = sum(line["price_minor"] * line["quantity"] for line in lines)
    discount = _discount(dice, session, subtotal)
    due, tax = subtotal - discount, 0
    notes = set()
    included = dice.random() < 0.3
    if dice.random() < 0.6:
        tax = due - due * 100 // 119 if included else due * 19 // 100
        notes.add("tax inclusive" if included else "tax exclusive")
    total = due if included else due + tax
    if included and dice.random() < 0.3:
        notes.add("amount without the tax in it")
        amount = due - tax
    else:
        amount = due
    order = {
        "id": f"ord_{seed}",
        "store_id": "shp_1",
        "order_number": session.session_id,
        "status": dice.choice(("COMPLETED",) * 8 + ("REFUNDED", "CHARGEBACK")),
        "currency": session.currency,
        "amount_minor": amount,
        "total_minor": total,
        "tax_minor": tax,
        "discount_minor": discount,
        "discount_code": (session.coupon_code or "FRIENDS10") if discount else "",
        "created_at": NOW,
    }
    if dice.random() < 0.2:
        order |= {"presentment_currency": "JPY", "presentment_minor": 3}
        notes.add("local currency")
    if not due:
        notes.add("zero total")
        if dice.random() < 0.5:
            order |= {"total_minor": None, "amount_minor": None, "tax_minor": None}
    elif discount and not tax and dice.random() < 0.2:
        order["discount_minor"] = None
        notes.add("discount by its code alone")
    by_number: CheckoutSession | None = session
    by_reference: CheckoutSession | None = session
    way = dice.random()
    if way < 0.2:
        by_reference = None
        notes.add("by number alone")
    elif way < 0.3:
        session.session_id = ""
        by_number = None
        notes.add("answer lost, by reference")
    elif way < 0.4:
        order["order_number"] = dice.choice(("", f"2026-{seed}"))
        by_number = None
        notes.add("by reference alone")
    if session.expires_at is not None and session.expires_at < NOW:
        notes.add("expired session")
    if any(item["least_minor"] is not None for item in items):
        notes.add("pay what you want")
    dice.shuffle(lines)
    return Case(session, order, _put_otherwise(dice, lines), by_number, by_reference, notes=notes)


def _item(dice: random.Random, place: int) -> dict[str, Any]:
    free = dice.random() < 0.3
    named = not free and dice.random() < 0.2
    price = dice.choice((0, 1, 100, 999, 1999, 25_000)) if not free else 100 + dice.randrange(9_000)
    return {
        "product_id": "" if free else f"prd_{place}",
        "variant_id": "" if free or dice.random() < 0.6 else f"var_{place}",
        "name": f"Line {place}",
        "quantity": dice.choice((1, 1, 1, 2, 7, 999)),
        "price_minor": price,
        "least_minor": price // 2 if named else None,
        "subscription": False,
    }


def _paid(dice: random.Random, item: dict[str, Any]) -> dict[str, Any]:
    price, least = item["price_minor"], item["least_minor"]
    if least is not None:
        price = dice.choice((least, price, price * 3))
    # Where none was asked for, the remote may show the variant that it took.
    variant = item["variant_id"] or (item["product_id"] and dice.choice(("", "", "var_default")))
    return {
        "product_id": item["product_id"] or None,
        "variant_id": variant or None,
        "name": dice.choice((item["name"], item["name"].replace(" ", "  "))),
        "quantity": item["quantity"],
        "price_minor": price,
    }


def _discount(dice: random.Random, session: CheckoutSession, subtotal: int) -> int:
    discount = subtotal * dice.choice((0, 0, 0, 10, 50, 100)) // 100
    session.discount_limit_minor = dice.choice((None, discount, subtotal))
    return discount


def _put_otherwise(dice: random.Random, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some lines in two parts, as another remote might show them."""
    put: list[dict[str, Any]] = []
    for line in lines:
        if line["quantity"] > 1 and dice.random() < 0.2:
            put += [{**line, "quantity": 1}, {**line, "quantity": line["quantity"] - 1}]
        else:
            put.append(line)
    return put


Attack = Callable[[random.Random, Case], "str | None"]


def _lines_of(case: Case) -> list[dict[str, Any]]:
    assert case.lines is not None
    return case.lines


def _priced(case: Case) -> list[dict[str, Any]]:
    return [line for line in _lines_of(case) if line["price_minor"] > 0]


def _another_session_by_number(dice: random.Random, case: Case) -> str | None:
    """My own cheap session, with the reference of a dear one."""
    if case.by_reference is None:
        return None
    case.by_number = CheckoutSession(store_id="shp_1", session_id="cs_mine", items=[])
    case.by_number.items = case.session.items
    case.by_number.currency = case.session.currency
    case.order["order_number"] = "cs_mine"
    return "other_session"


def _copied_metadata(dice: random.Random, case: Case) -> str | None:
    """A session that a stranger opened, with metadata copied from the shop's: even at full price.

    Whoever pays for another one's session could have the payment charged back in his place.
    """
    if case.by_reference is None or not case.session.session_id:
        return None
    case.by_number, case.order["order_number"] = None, "cs_a_strangers"
    return "other_number"


def _paid_twice(dice: random.Random, case: Case) -> str | None:
    case.paid_by = "ord_the_first"
    return "already_paid"


def _cheaper_line(dice: random.Random, case: Case) -> str | None:
    for line in _priced(case):
        asked = _asked(case, line)
        if asked is None:
            return None
        least = asked["least_minor"]
        if least == 0:
            continue
        line["price_minor"] = (least if least is not None else line["price_minor"]) - 1
        # A free line of another price is another line.
        return "line_price" if line["product_id"] else "line_missing"
    return None


def _asked(case: Case, line: dict[str, Any]) -> dict[str, Any] | None:
    return next(
        (item for item in case.session.items if item["name"].split() == line["name"].split()), None
    )


def _fewer_pieces(dice: random.Random, case: Case) -> str | None:
    # Of the shop's view: more was handed out than was paid for.
    line = dice.choice(_lines_of(case))
    line["quantity"] -= 1
    return "line_missing"


def _more_pieces(dice: random.Random, case: Case) -> str | None:
    dice.choice(_lines_of(case))["quantity"] += 1
    return "line_extra"


def _a_line_less(dice: random.Random, case: Case) -> str | None:
    lines = _lines_of(case)
    lines.remove(dice.choice(lines))
    return "line_missing"


def _a_line_more(dice: random.Random, case: Case) -> str | None:
    _lines_of(case).append({**_lines_of(case)[0], "product_id": "prd_other", "variant_id": None})
    return "line_extra"


def _another_product(dice: random.Random, case: Case) -> str | None:
    dice.choice(_lines_of(case))["product_id"] = "prd_other"
    return "line_missing"


def _another_variant(dice: random.Random, case: Case) -> str | None:
    for line in _lines_of(case):
        asked = _asked(case, line)
        if asked and asked["variant_id"]:
            line["variant_id"] = dice.choice(("var_other", None))
            return "line_missing"
    return None


def _named_like_the_product(dice: random.Random, case: Case) -> str | None:
    """“Pro plan”, a free line, in the place of the product."""
    line = dice.choice(_lines_of(case))
    if not line["product_id"]:
        return None
    line["product_id"] = line["variant_id"] = None
    return "line_missing"


def _another_name(dice: random.Random, case: Case) -> str | None:
    line = dice.choice(_lines_of(case))
    if line["product_id"]:
        return None
    line["name"] = "Something"
    return "line_missing"


def _another_currency(dice: random.Random, case: Case) -> str | None:
    case.order["currency"] = "VND"
    return "currency"


def _due(case: Case) -> int:
    subtotal: int = sum(line["price_minor"] * line["quantity"] for line in _lines_of(case))
    if case.order["discount_minor"] is None:
        return int(case.order["amount_minor"] or 0)
    return subtotal - int(case.order["discount_minor"])


def _less_paid(dice: random.Random, case: Case) -> str | None:
    if _due(case) < 1 or case.order["discount_minor"] is None:
        return None
    case.order |= {"total_minor": _due(case) - 1, "amount_minor": _due(case) - 1, "tax_minor": 0}
    return "paid_less"


def _tax_in_place_of_the_price(dice: random.Random, case: Case) -> str | None:
    if _due(case) < 2 or case.order["discount_minor"] is None:
        return None
    case.order |= {"amount_minor": _due(case) // 2, "tax_minor": _due(case)}
    case.order["total_minor"] = case.order["amount_minor"] + case.order["tax_minor"]
    return "paid_less"


def _coupon_above_the_limit(dice: random.Random, case: Case) -> str | None:
    discount = case.order["discount_minor"]
    if not discount:
        return None
    case.session.discount_limit_minor = discount - 1
    return "discount_above_limit"


def _discount_without_a_coupon(dice: random.Random, case: Case) -> str | None:
    if not case.order["discount_minor"] or case.session.coupon_code:
        return None
    case.order["discount_code"] = ""
    return "discount_without_code"


def _discount_of_more_than_all(dice: random.Random, case: Case) -> str | None:
    if case.order["discount_minor"] is None:
        return None
    subtotal = sum(line["price_minor"] * line["quantity"] for line in _lines_of(case))
    case.order["discount_minor"] = dice.choice((subtotal + 1, -1))
    case.order["discount_code"] = "FRIENDS10"
    return "discount"


ATTACKS: dict[str, Attack] = {
    "foreign session id as number": _another_session_by_number,
    "copied metadata": _copied_metadata,
    "replayed: the session is paid already": _paid_twice,
    "a cheaper line": _cheaper_line,
    "fewer pieces": _fewer_pieces,
    "more pieces": _more_pieces,
    "a line less": _a_line_less,
    "a line more": _a_line_more,
    "another product": _another_product,
    "another variant": _another_variant,
    "a free line named like the product": _named_like_the_product,
    "a free line of another name": _another_name,
    "another currency": _another_currency,
    "less paid": _less_paid,
    "tax in place of the price": _tax_in_place_of_the_price,
    "a coupon above what is allowed": _coupon_above_the_limit,
    "a discount without a coupon": _discount_without_a_coupon,
    "a discount of more than all, or negative": _discount_of_more_than_all,
}


def attacks_on(seed: int) -> dict[str, tuple[Case, str]]:
    """Every attack that applies to the purchase of a seed, and the rule that is to find it."""
    found = {}
    for name, attack in ATTACKS.items():
        case = honest(seed)
        case = replace(case, order=dict(case.order))
        code = attack(random.Random(seed), case)
        if code is not None:
            found[name] = (case, code)
    return found
