"""A closing as a script reads it (JSON), as a spreadsheet does, and as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pandabase_django.services.books.closing import Closing, Line
from pandabase_django.services.books.texts import (
    difference_text,
    reason_text,
    summary_text,
)
from pandabase_django.services.books.ties import Difference
from pandabase_django.texts.amounts import major_units, money_text

__all__ = ["TITLES", "as_json", "as_rows", "as_text"]

DIFFERENCES_SHOWN = 50

TITLES = (
    "kind",
    "store",
    "month",
    "entry",
    "created_at",
    "type",
    "amount",
    "balance",
    "expected_balance",
    "currency",
    "belongs_to",
    "order",
    "order_number",
    "refund",
    "dispute",
    "payout",
    "text",
)


def as_json(closing: Closing) -> dict[str, Any]:
    """All of it. Amounts are minor units, times are UTC."""
    return {
        "store": closing.store_id,
        "month": str(closing.month),
        "zone": "UTC",
        "state": closing.state,
        "totals": [
            {
                "currency": total.currency,
                "opening_minor": total.opening_minor,
                "moved_minor": total.moved_minor,
                "closing_minor": total.closing_minor,
                "by_type": dict(total.by_type),
                "counts": dict(total.counts),
            }
            for total in closing.totals
        ],
        "entries": [_line(line) for line in closing.lines],
        "untied": closing.untied,
        "differences": [_difference(difference) for difference in closing.differences],
        "incomplete": [
            {
                "code": reason.code,
                "resource": reason.resource,
                "read_at": reason.at.isoformat() if reason.at else None,
                "count": reason.count,
                "ids": list(reason.ids),
                "text": reason_text(reason),
            }
            for reason in closing.reasons
        ],
    }


def as_rows(closing: Closing) -> Iterator[list[Any]]:
    """The rows of a file without its titles: entries, then differences, reasons and the result."""
    start: list[Any] = [closing.store_id, str(closing.month)]
    for line in closing.lines:
        entry, tied = line.entry, line.tied
        yield [
            "entry",
            *start,
            entry.id,
            entry.created_at,
            entry.type,
            major_units(entry.amount_minor, entry.currency),
            major_units(entry.balance_minor, entry.currency),
            major_units(line.expected_minor, entry.currency),
            entry.currency,
            entry.reference_id,
            tied.order_id,
            tied.order_number,
            tied.refund_id,
            tied.dispute_id,
            tied.payout_id,
            " ".join(map(difference_text, line.differences)),
        ]
    empty = [None] * (len(TITLES) - 5)
    for difference in closing.differences:
        yield ["difference", *start, difference.entry_id, *empty, difference_text(difference)]
    for reason in closing.reasons:
        yield ["incomplete", *start, None, *empty, reason_text(reason)]
    yield ["result", *start, None, *empty, closing.state]


def as_text(closing: Closing) -> str:
    """The result in a sentence, the totals, and what is wrong or missing."""
    lines = [f"{closing.store_id} {closing.month} (UTC): {closing.state}. {summary_text(closing)}"]
    if not closing.lines:
        lines.append("  No entries.")
    for total in closing.totals:
        currency = total.currency
        counted = sum(total.counts.values())
        lines.append(
            f"  {counted} entries: {money_text(total.opening_minor, currency)} before,"
            f" {money_text(total.moved_minor, currency)} moved,"
            f" {money_text(total.closing_minor, currency)} after"
        )
        lines += [
            f"    {type_ or '-'} x {total.counts[type_]}: {money_text(amount, currency)}"
            for type_, amount in total.by_type.items()
        ]
    if closing.untied:
        lines.append(f"  {closing.untied} entries belong to no order and no payout here.")
    shown = closing.differences[:DIFFERENCES_SHOWN]
    lines += [f"  {difference_text(difference)}" for difference in shown]
    if len(closing.differences) > len(shown):
        lines.append(f"  … and {len(closing.differences) - len(shown)} more (--format json).")
    return "\n".join([*lines, *(f"  {reason_text(reason)}" for reason in closing.reasons)])


def _line(line: Line) -> dict[str, Any]:
    entry, tied = line.entry, line.tied
    return {
        "id": entry.id,
        "created_at": entry.created_at.isoformat(),
        "type": entry.type,
        "amount_minor": entry.amount_minor,
        "balance_minor": entry.balance_minor,
        "expected_balance_minor": line.expected_minor,
        "currency": entry.currency,
        "reference": entry.reference_id,
        "order": tied.order_id,
        "order_number": tied.order_number,
        "refund": tied.refund_id,
        "dispute": tied.dispute_id,
        "payout": tied.payout_id,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "code": difference.code,
        "entry": difference.entry_id,
        "kind": difference.kind,
        "id": difference.object_id,
        "expected_minor": list(difference.expected),
        "found_minor": difference.found,
        "currency": difference.currency,
        "text": difference_text(difference),
    }
