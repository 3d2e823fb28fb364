"""Ties entries of the ledger to orders, refunds, disputes and payouts, and finds what is left over.

An entry names a payment or a payout, and its type says what happened to it (Source: P-54). So for
each of them there are as many entries of a type as there are objects that say the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pandabase_django.services.books.material import Claim, Entry, Material, PaidOut, Sale

__all__ = ["Difference", "Tied", "Ties"]

PAYMENT = "PAYMENT_RECEIVED"
OPENING = "OPENING_BALANCE"
PAYOUT = "PAYOUT"
DISPUTE = "DISPUTE_CREATED"
WON = "DISPUTE_WON"
REFUNDS = ("REFUND_INSTANT", "REFUND_ASYNC", "REFUND_EXTERNAL")
# Statuses that took money, by both texts of the vendor (Source: P-26).
REFUNDED = ("COMPLETED", "SUCCESSFUL")
# A prevented dispute never reached the bank.
GIVEN_BACK = ("WON", "PREVENTED")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be.

    Attributes:
        code: ``balance``, ``unreadable``, ``amount``, ``twice``, ``no order``, ``no refund``,
            ``no dispute``, ``no payout``, or ``no entry``.
        entry_id: The entry; "" when there is none, which is the difference.
        kind: ``order``, ``refund``, ``dispute`` or ``payout``, with ``object_id``.
        object_id: What the entry belongs to, or what has no entry.
        expected: Amounts or balances in minor units, one of which it should be.
        found: What it is; None when it is not there.
        currency: Of both.
    """

    code: str
    entry_id: str = ""
    kind: str = ""
    object_id: str = ""
    expected: tuple[int, ...] = ()
    found: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Tied:
    """What one entry belongs to; "" where it belongs to none of that kind."""

    order_id: str = ""
    order_number: str = ""
    refund_id: str = ""
    dispute_id: str = ""
    payout_id: str = ""

    @property
    def is_tied(self) -> bool:
        return bool(self.order_id or self.payout_id)


@dataclass
class Ties:
    """The ties of a month.

    Attributes:
        tied: By the entry's id.
        differences: In the order of the entries, then of what has no entry.
        awaits_ledger: Something has no entry that changed after the ledger was read.
    """

    material: Material
    tied: dict[str, Tied] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    awaits_ledger: bool = False

    def __post_init__(self) -> None:
        material = self.material
        self._sales = {sale.id: sale for sale in material.sales}
        self._by_payment = {sale.payment_id: sale for sale in material.sales if sale.payment_id}
        self._payouts = {payout.id: payout for payout in material.payouts}
        self._refunds = _by_order(material.refunds)
        self._disputes = _by_order(material.disputes)
        self._ids_of_month = {entry.id for entry in material.entries}
        self._booked: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        every = {entry.id: entry for entry in (*material.others, *material.entries)}
        for entry in sorted(every.values(), key=lambda entry: (entry.created_at, entry.id)):
            sale = self._sale_of(entry)
            owner = sale.id if sale else entry.reference_id
            self._booked[_family(entry.type), owner].append(entry)
        for (family, owner), entries in self._booked.items():
            if any(entry.id in self._ids_of_month for entry in entries):
                self._tie(family, owner, entries)
        places = {entry.id: place for place, entry in enumerate(material.entries)}
        self.differences.sort(key=lambda found: places[found.entry_id])
        self.differences.extend(self._without_entry())

    def _sale_of(self, entry: Entry) -> Sale | None:
        if _family(entry.type) in (PAYOUT, OPENING):
            return None
        return self._by_payment.get(entry.reference_id) or self._sales.get(entry.reference_id)

    def _tie(self, family: str, owner: str, entries: Sequence[Entry]) -> None:
        sale = self._sales.get(owner)
        if family == PAYOUT:
            self._tie_payout(owner, entries)
        elif family == OPENING:
            self._match(entries, [Tied()], missing="", kind="", owner=owner)
        elif sale is None:
            if family in (PAYMENT, *REFUNDS, DISPUTE, WON) and self._knows("orders"):
                self._differ("no order", entries, kind="payment", object_id=owner)
        elif family == PAYMENT:
            self._match(entries, [_of(sale)], missing="", kind="order", owner=sale.id)
            self._check_amounts(entries, sale.amounts, kind="order", object_id=sale.id)
        elif family == REFUNDS[0]:
            refunds = [claim for claim in self._refunds[sale.id] if claim.status != "FAILED"]
            self._claim(entries, sale, refunds, kind="refund", sign=-1)
        elif family == DISPUTE:
            self._claim(entries, sale, self._disputes[sale.id], kind="dispute", sign=-1)
        elif family == WON:
            won = [claim for claim in self._disputes[sale.id] if claim.status in GIVEN_BACK]
            self._claim(entries, sale, won, kind="dispute", sign=1)
        else:  # a type that is new: it belongs to the order, and nothing says more of it
            for entry in entries:
                self.tied[entry.id] = _of(sale)

    def _claim(
        self, entries: Sequence[Entry], sale: Sale, claims: list[Claim], *, kind: str, sign: int
    ) -> None:
        named = [
            _of(sale, **{f"{kind}_id": claim.id})
            for claim in sorted(claims, key=lambda claim: (str(claim.created_at), claim.id))
        ]
        for entry in entries:
            self.tied[entry.id] = _of(sale)
        if self._knows(f"{kind}s"):
            self._match(entries, named, missing=f"no {kind}", kind="order", owner=sale.id)
        else:
            self.tied |= {entry.id: tied for entry, tied in zip(entries, named, strict=False)}
        amounts = {amount for claim in claims for amount in _amounts_of(claim)} | sale.amounts
        expected = {sign * amount for amount in amounts}
        self._check_amounts(entries, expected, kind=kind, object_id=sale.id)

    def _tie_payout(self, owner: str, entries: Sequence[Entry]) -> None:
        payout = self._payouts.get(owner)
        if payout is None or payout.is_gone:
            if self._knows("payouts"):
                self._differ("no payout", entries, kind="payout", object_id=owner)
            return
        self._match(entries, [Tied(payout_id=owner)], missing="", kind="payout", owner=owner)
        expected = {-amount for amount in _amounts_of(payout)}
        self._check_amounts(entries, expected, kind="payout", object_id=owner)

    def _match(
        self, entries: Sequence[Entry], objects: list[Tied], *, missing: str, kind: str, owner: str
    ) -> None:
        """Give each entry an object of its own; what is left over is there twice, or wrongly."""
        for entry, tied in zip(entries, objects, strict=False):
            self.tied[entry.id] = tied
        left = entries[len(objects) :]
        for entry in left:
            self.tied.setdefault(entry.id, objects[-1] if objects else Tied())
        self._differ(missing if not objects else "twice", left, kind=kind, object_id=owner)

    def _check_amounts(
        self, entries: Sequence[Entry], expected: set[int], *, kind: str, object_id: str
    ) -> None:
        for entry in entries:
            if expected and entry.amount_minor is not None and entry.amount_minor not in expected:
                self._differ("amount", [entry], kind=kind, object_id=object_id, expected=expected)

    def _without_entry(self) -> Iterator[Difference]:
        """What the month moved and the ledger never booked, whenever that would have been."""
        material, month = self.material, self.material.month
        if not self._knows("ledger"):
            return
        if self._knows("orders"):
            for sale in material.sales:
                moved = sale.is_paid and sale.payment_id and month.has(sale.created_at)
                booked = self._booked[PAYMENT, sale.id]
                if moved and not booked and not self._is_older(sale.created_at):
                    yield from self._no_entry("order", sale.id, sale.amounts, sale.updated_at)
        for name, claims in (("refund", material.refunds), ("dispute", material.disputes)):
            family, seen = (REFUNDS[0] if name == "refund" else DISPUTE), dict[str, int]()
            for claim in claims:
                took = claim.status in REFUNDED if name == "refund" else claim.status != "PREVENTED"
                order = self._sales.get(claim.order_id)
                knows = self._knows("orders") and self._knows(f"{name}s")
                if not took or order is None or not knows or self._is_older(claim.created_at):
                    continue
                seen[order.id] = seen.get(order.id, 0) + 1
                booked = self._booked[family, order.id]
                if month.has(claim.created_at) and len(booked) < seen[order.id]:
                    expected = {-amount for amount in _amounts_of(claim)}
                    yield from self._no_entry(name, claim.id, expected, order.updated_at)
        for payout in material.payouts if self._knows("payouts") else ():
            lives = payout.status != "FAILED" and not payout.is_gone
            moved = lives and month.has(payout.created_at)
            booked = self._booked[PAYOUT, payout.id]
            if moved and not booked and not self._is_older(payout.created_at):
                expected = {-amount for amount in _amounts_of(payout)}
                yield from self._no_entry("payout", payout.id, expected, payout.updated_at)

    def _no_entry(
        self, kind: str, object_id: str, expected: set[int], updated_at: datetime | None
    ) -> Iterator[Difference]:
        """What is paid days after it was ordered may be booked since the ledger was read."""
        until = self.material.booked_until
        if until is not None and updated_at is not None and updated_at > until:
            self.awaits_ledger = True
            return
        wanted = tuple(sorted(expected))
        yield Difference("no entry", kind=kind, object_id=object_id, expected=wanted)

    def _is_older(self, at: datetime | None) -> bool:
        """What moved before the ledger begins is in its opening balance."""
        begins_at = self.material.begins_at
        return begins_at is not None and at is not None and at < begins_at

    def _differ(
        self,
        code: str,
        entries: Sequence[Entry],
        *,
        kind: str,
        object_id: str,
        expected: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> None:
        self.differences.extend(
            Difference(
                code,
                entry_id=entry.id,
                kind=kind,
                object_id=object_id,
                expected=tuple(sorted(expected)),
                found=entry.amount_minor,
                currency=entry.currency,
            )
            for entry in entries
            if entry.id in self._ids_of_month
        )

    def _knows(self, resource: str) -> bool:
        return resource not in self.material.unsure


def _family(type_: str) -> str:
    """Types that say the same, under one name."""
    return REFUNDS[0] if type_ in REFUNDS else type_


def _by_order(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        found[claim.order_id].append(claim)
    return found


def _of(sale: Sale, **ids: str) -> Tied:
    return Tied(order_id=sale.id, order_number=sale.number, **ids)


def _amounts_of(moved: Claim | PaidOut) -> set[int]:
    """With and without the fee: which of them is booked is not documented (Source: P-57)."""
    if moved.amount_minor is None:
        return set()
    return {moved.amount_minor, moved.amount_minor + (moved.fee_minor or 0)}
