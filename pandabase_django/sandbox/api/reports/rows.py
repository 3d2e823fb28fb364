"""The rows of reports, and their files. Source: P-62. The columns are ours to choose."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

from pandabase_django.sandbox.api.reports.period import is_in, orders_between
from pandabase_django.sandbox.store.dated import DatedRecords
from pandabase_django.sandbox.store.shapes import Json, dump_json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import dispute_form, item_form, refund_form

__all__ = ["REPORT_TYPES", "files_of", "rows_of"]

_OF_PAYMENT = (
    "amount",
    "discountAmount",
    "taxAmount",
    "totalAmount",
    "platformFeeAmount",
    "pspFeeAmount",
    "settledAmount",
)


def rows_of(state: StoreState, kind: str, from_ms: int, to_ms: int) -> list[Json]:
    """What a report of a period says, the oldest first."""
    return list(_ROWS[kind](state, from_ms, to_ms))


def files_of(rows: list[Json]) -> dict[str, str]:
    """The rows as texts, by format."""
    text = io.StringIO()
    if rows:
        table = csv.DictWriter(text, rows[0])
        table.writeheader()
        table.writerows(rows)
    return {"csv": text.getvalue(), "json": dump_json(rows)}


def _payments(state: StoreState, from_ms: int, to_ms: int) -> Iterator[Json]:
    for order in orders_between(state, from_ms, to_ms):
        payment = order.get("payment")
        if isinstance(payment, dict):
            yield {
                "paymentId": payment.get("id"),
                "orderId": order["id"],
                "orderNumber": order.get("orderNumber"),
                "status": payment.get("status"),
                "currency": order.get("currency"),
                **{name: payment.get(name) for name in _OF_PAYMENT},
                "createdAt": payment.get("createdAt"),
            }


def _payouts(state: StoreState, from_ms: int, to_ms: int) -> Iterator[Json]:
    for _, item in state.payouts.every():
        shown = item_form(item)
        if not item.deleted and is_in(shown, from_ms, to_ms):
            account = shown.pop("payoutMethod")
            yield {**shown, "bankAccountId": account["id"] if account else None}


def _entries(state: StoreState, from_ms: int, to_ms: int) -> Iterator[Json]:
    return (dict(entry) for entry in state.ledger.entries if is_in(entry, from_ms, to_ms))


def _returns(state: StoreState, from_ms: int, to_ms: int) -> Iterator[Json]:
    kinds: tuple[tuple[str, DatedRecords, Callable[..., Json | None]], ...] = (
        ("REFUND", state.refunds, refund_form),
        ("DISPUTE", state.disputes, dispute_form),
    )
    found = []
    for kind, dated, form in kinds:
        for index in dated.every_index():
            shown = form(state, index, detail=False)
            if shown is not None and is_in(shown, from_ms, to_ms):
                names = ("id", "amount", "status", "reason", "createdAt")
                row = {name: shown.get(name) for name in names}
                found.append({"kind": kind, **row, "orderId": shown["order"]["id"]})
    return iter(sorted(found, key=lambda row: str(row["createdAt"])))


_ROWS: dict[str, Callable[[StoreState, int, int], Iterator[Json]]] = {
    "PAYMENT_ACTIVITY": _payments,
    "PAYOUT_RECONCILIATION": _payouts,
    "BALANCE_LEDGER": _entries,
    "REFUNDS_DISPUTES": _returns,
}
REPORT_TYPES = tuple(_ROWS)
