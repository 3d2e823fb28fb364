"""Seeded orders, each computed from the seed and its index alone.

Two ways lead to a list item: :meth:`Sales.list_json` writes it directly, for pages by the hundred,
and ``shapes.order_item`` takes it from the detail. A test holds them together.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Any, NamedTuple

from pandabase_django.sandbox.seed.catalog import Catalogue, Priced
from pandabase_django.sandbox.seed.customers import People
from pandabase_django.sandbox.seed.identity import GHOST_BASE, Identities
from pandabase_django.sandbox.seed.lifecycle import Slot, payment_status
from pandabase_django.sandbox.seed.timeline import DAY_MS, iso

__all__ = ["DISPUTE_DELAY_MS", "REFUND_DELAY_MS", "Sales"]

REFUND_DELAY_MS = DAY_MS * 3 // 2
DISPUTE_DELAY_MS = DAY_MS * 5

_UNPACK = struct.Struct("<24H").unpack
_CODES = ("WELCOME10", "ÉTÉ10", "FRIENDS10", "新春10")
_RATES = (("EUR", 0.9234), ("GBP", 0.7881), ("JPY", 151.25), ("BRL", 5.4321))
_METHODS: tuple[dict[str, Any], ...] = (
    {"type": "card", "cardBrand": "visa", "cardLastFour": "0001"},
    {"type": "card", "cardBrand": "mastercard", "cardLastFour": "0077"},
    {"type": "paypal", "cardBrand": None, "cardLastFour": None},
    {"type": "klarna"},
)
_PLACES = (
    ("12 Mill Lane", "Leeds", None, "LS1 4AB", "GB"),
    ("Königsallee 3", "Düsseldorf", "NW", "40212", "DE"),
    ("8 Rua das Flores", "São Paulo", "SP", "01001-000", "BR"),
    ("丸の内1-1", "東京", None, "100-0005", "JP"),
    ("500 Pine St", "Seattle", "WA", "98101", "US"),
)
_LIST_ITEM = (
    '{"id":"%s","orderNumber":"%s","status":"%s","amount":%d,"currency":"USD","discounted":%s,'
    '"discountCode":%s,"customer":%s,"payment":%s,"createdAt":"%s"}'
)


class _Line(NamedTuple):
    product: int
    priced: Priced
    variant: tuple[str, str, int] | None
    quantity: int

    @property
    def price(self) -> int:
        return self.priced.price if self.variant is None else self.variant[2]


class Sales:
    """The seeded orders of a store. Amounts are in cents."""

    def __init__(self, *, seed: int, catalogue: Catalogue, people: People, ids: Identities) -> None:
        self._salt = f"order:{seed}:".encode()
        self._catalogue = catalogue
        self._people = people
        self._ids = ids

    def list_json(self, index: int, *, slot: Slot, created_ms: int) -> str:
        """A list item as JSON text. Source: P-21."""
        draw = self._draw(index)
        subtotal = sum(line.price * line.quantity for line in self._lines(draw))
        discount = _discount(draw, subtotal)
        amount = subtotal - discount
        paid = payment_status(slot.status)
        payment = "null"
        if paid is not None:
            payment = f'{{"status":"{paid}","totalAmount":{amount + _tax(draw, amount)}}}'
        return _LIST_ITEM % (
            self._ids.make("order", index),
            self._ids.order_number(index),
            slot.status,
            amount,
            "true" if discount else "false",
            f'"{_CODES[draw[22] % len(_CODES)]}"' if discount else "null",
            self._people.reference_json(self._people.customer_of(index)),
            payment,
            iso(created_ms),
        )

    def detail(self, index: int, *, slot: Slot, created_ms: int) -> dict[str, Any]:
        """An order as its own GET shows it. Source: P-21."""
        draw = self._draw(index)
        lines = self._lines(draw)
        discount = _discount(draw, sum(line.price * line.quantity for line in lines))
        amount = sum(line.price * line.quantity for line in lines) - discount
        created = iso(created_ms)
        code = _CODES[draw[22] % len(_CODES)] if discount else None
        presentment = _presentment(draw, amount)
        return {
            "id": self._ids.make("order", index),
            "orderNumber": self._ids.order_number(index),
            "status": slot.status,
            "amount": amount,
            "currency": "USD",
            "discounted": bool(discount),
            "discountCode": code,
            "customer": self._people.reference(self._people.customer_of(index)),
            "payment": self._payment(
                index, draw=draw, slot=slot, amount=amount, discount=discount, created=created
            ),
            "createdAt": created,
            **presentment,
            "customFields": {"Nickname": f"игрок {index}"} if draw[18] % 11 == 0 else None,
            "metadata": {"campaign": str(draw[19] % 50), "note": "a/b"}
            if draw[19] % 6 == 0
            else None,
            "returnUrl": "https://shop.example/thanks" if draw[20] % 3 == 0 else None,
            "items": [self._item(index, place, line) for place, line in enumerate(lines)],
            "billingAddress": self._address(index, draw),
            "licenses": self._licenses(index, lines) if slot.status == "COMPLETED" else [],
            "updatedAt": iso(created_ms + _last_change_ms(slot, draw)),
        }

    def geo(self, index: int) -> dict[str, Any]:
        """Where the buyer of an order was, as the detail of a payment shows it."""
        _, city, region, postal, country = _PLACES[self._draw(index)[17] % len(_PLACES)]
        return {
            "city": city,
            "region": region,
            "country": country,
            "postal": postal,
            "asn": None,
            "org": None,
        }

    def _lines(self, draw: tuple[int, ...]) -> list[_Line]:
        lines = []
        for place in range((1, 1, 1, 2, 2, 3, 4, 1)[draw[0] % 8]):
            pick, twist = draw[1 + place * 2], draw[2 + place * 2]
            if twist % 37 == 0 or not self._catalogue.products:
                product = GHOST_BASE + pick % 50
            else:
                product = pick % self._catalogue.products
            priced = self._catalogue.priced(product)
            variant = priced.variants[twist % len(priced.variants)] if priced.variants else None
            quantity = 1 + twist % 3 if twist % 10 == 3 else 1
            lines.append(_Line(product, priced, variant, quantity))
        return lines

    def _item(self, index: int, place: int, line: _Line) -> dict[str, Any]:
        name = line.priced.title
        return {
            "id": self._ids.make("item", index * 4 + place),
            "productId": self._ids.make("product", line.product),
            "variantId": line.variant[0] if line.variant else None,
            "name": f"{name} / {line.variant[1]}" if line.variant else name,
            "quantity": line.quantity,
            "price": line.price,
        }

    def _licenses(self, index: int, lines: list[_Line]) -> list[dict[str, Any]]:
        return [
            {
                "id": self._ids.make("license", index * 4 + place),
                "key": f"SANDBOX-{index:08X}-{place}-{line.product % 65_536:04X}",
                "status": "CLAIMED",
                "productId": self._ids.make("product", line.product),
            }
            for place, line in enumerate(lines)
            if line.priced.licensed
        ]

    def _address(self, index: int, draw: tuple[int, ...]) -> dict[str, Any] | None:
        if draw[16] % 19 == 0:
            return None
        street, city, state, postal, country = _PLACES[draw[17] % len(_PLACES)]
        return {
            "id": self._ids.make("address", index),
            "addressLine1": street,
            "addressLine2": "2nd floor" if draw[16] % 5 == 0 else None,
            "city": city,
            "state": state,
            "postalCode": postal,
            "country": country,
        }

    def _payment(
        self,
        index: int,
        *,
        draw: tuple[int, ...],
        slot: Slot,
        amount: int,
        discount: int,
        created: str,
    ) -> dict[str, Any] | None:
        status = payment_status(slot.status)
        if status is None:
            return None
        total = amount + _tax(draw, amount)
        platform, psp = total * 59 // 1000 + 20, total * 29 // 1000 + 30
        settled = status not in ("PENDING", "PROCESSING", "FAILED") and total > 0
        return {
            "id": self._ids.make("payment", index),
            "referenceId": f"pi_sandbox{index:012d}",
            "amount": amount,
            "discountAmount": discount,
            "platformFeeAmount": platform if settled else 0,
            "pspFeeAmount": psp if settled else 0,
            "taxAmount": total - amount,
            "totalAmount": total,
            "settledAmount": total - platform - psp if settled else 0,
            **_presentment(draw, amount),
            "status": status,
            "pspProvider": "MULTI_PSP",
            "paymentMethod": None
            if status == "PENDING"
            else dict(_METHODS[draw[21] % len(_METHODS)]),
            "couponCode": _CODES[draw[22] % len(_CODES)] if discount else None,
            "taxId": None,
            "createdAt": created,
        }

    def _draw(self, index: int) -> tuple[int, ...]:
        return _UNPACK(blake2b(self._salt + index.to_bytes(5, "big"), digest_size=48).digest())


def _discount(draw: tuple[int, ...], subtotal: int) -> int:
    return subtotal // 10 if draw[23] % 8 == 0 else 0


def _tax(draw: tuple[int, ...], amount: int) -> int:
    return amount * (0, 0, 7, 19)[draw[17] % 4] // 100


def _presentment(draw: tuple[int, ...], amount: int) -> dict[str, Any]:
    if draw[15] % 9:
        return {"presentmentCurrency": None, "presentmentAmount": None, "exchangeRate": None}
    currency, rate = _RATES[draw[15] // 9 % len(_RATES)]
    return {
        "presentmentCurrency": currency,
        "presentmentAmount": round(amount * rate),
        "exchangeRate": rate,
    }


def _last_change_ms(slot: Slot, draw: tuple[int, ...]) -> int:
    if slot.status == "REFUNDED":
        return REFUND_DELAY_MS
    if slot.dispute is not None:
        return DISPUTE_DELAY_MS
    return 2_000 + draw[14] % 60_000
