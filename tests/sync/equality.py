"""Compares local rows with the sandbox's own dump, without any of the sync's code."""

from __future__ import annotations

from demo_project.comparison import compare_rows
from demo_project.expected import CATALOG, DISPUTES, REFUNDS, SALES, Kind
from pandabase_django.sandbox import Sandbox

__all__ = ["money_differences", "order_differences", "product_differences"]


def order_differences(sandbox: Sandbox) -> list[str]:
    """One line for each order, line item or customer that is not the same on both sides."""
    return _differences(sandbox, SALES)


def product_differences(sandbox: Sandbox) -> list[str]:
    """One line for each product, variant, category or link that is not the same."""
    return _differences(sandbox, CATALOG)


def money_differences(sandbox: Sandbox) -> list[str]:
    """One line for each refund or dispute that is not the same, if their lists were open."""
    return _differences(sandbox, (REFUNDS, DISPUTES))


def _differences(sandbox: Sandbox, kinds: tuple[Kind, ...]) -> list[str]:
    (store,) = sandbox.dump("store")
    dumps = {
        name: sandbox.dump(name, include_deleted=False) for name in {kind.dump for kind in kinds}
    }
    return [
        f"{key}: {difference}"
        for kind in kinds
        for key, difference in compare_rows(
            kind, dumps[kind.dump], store_id=store["id"]
        ).differing.items()
    ]
