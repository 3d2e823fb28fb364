"""Which endpoint answers which method and path, and what permission it needs. Source: P-12."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pandabase_django.sandbox.api import account, cases, customers, payouts
from pandabase_django.sandbox.api import orders as sales
from pandabase_django.sandbox.api.access import licenses, subscriptions
from pandabase_django.sandbox.api.catalog import kinds as catalog
from pandabase_django.sandbox.api.catalog.items import ItemKind
from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.reports import analytics
from pandabase_django.sandbox.api.reports import requests as reports
from pandabase_django.sandbox.api.usage import events, meters
from pandabase_django.sandbox.http.wire import Response

__all__ = [
    "ADMINISTRATION",
    "OPERATIONS",
    "Match",
    "MethodNotAllowed",
    "Operation",
    "find_operation",
]


class MethodNotAllowed(Exception):
    """The path is known, the method is not."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__("Method not allowed")
        self.allowed = allowed


@dataclass(frozen=True)
class Operation:
    """One operation of the API."""

    method: str
    path: str
    """Below the store; ``{kind}`` stands for an id."""
    permission: str | None
    """None: any token of the store."""
    endpoint: Callable[[Call], Response]
    replays: bool = False
    """Honours ``Idempotency-Key``. Source: P-10."""


@dataclass(frozen=True)
class Match:
    """An operation with the ids its path named."""

    operation: Operation
    ids: dict[str, str]


def _operations_on(path: str, kind: ItemKind) -> list[Operation]:
    read, write, one = f"{path.upper()}_READ", f"{path.upper()}_WRITE", f"{path}/{{{kind.kind}}}"
    return [
        Operation("GET", path, read, kind.list),
        Operation("POST", path, write, kind.post),
        Operation("GET", one, read, kind.get),
        Operation("PATCH", one, write, kind.patch),
        Operation("DELETE", one, write, kind.delete),
    ]


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "", "STORE_READ", account.get_store),
    *_operations_on("products", catalog.PRODUCTS),
    *_operations_on("categories", catalog.CATEGORIES),
    *_operations_on("coupons", catalog.COUPONS),
    Operation("GET", "webhooks", "WEBHOOKS_READ", account.list_webhooks),
    Operation("POST", "webhooks", "WEBHOOKS_WRITE", account.post_webhook),
    Operation("GET", "webhooks/{webhook}", "WEBHOOKS_READ", account.get_webhook),
    Operation("PATCH", "webhooks/{webhook}", "WEBHOOKS_WRITE", account.patch_webhook),
    Operation("DELETE", "webhooks/{webhook}", "WEBHOOKS_WRITE", account.delete_webhook),
    Operation("GET", "payouts", "PAYOUTS_READ", payouts.list_payouts),
    Operation("GET", "payouts/bank-accounts", "PAYOUTS_READ", account.list_bank_accounts),
    Operation("GET", "payouts/ledger", "PAYOUTS_READ", account.list_ledger),
    Operation("GET", "payouts/{payout}", "PAYOUTS_READ", payouts.get_payout),
    Operation("GET", "orders", "ORDERS_READ", sales.list_orders),
    Operation("GET", "orders/payments", "ORDERS_READ", sales.list_payments),
    Operation("GET", "orders/payments/{payment}", "ORDERS_READ", sales.get_payment),
    Operation("GET", "orders/{order}", "ORDERS_READ", sales.get_order),
    Operation("GET", "orders/{order}/refunds", "ORDERS_READ", sales.list_order_refunds),
    Operation("POST", "orders/{order}/retry-fulfillment", "ORDERS_WRITE", sales.retry_fulfillment),
    Operation("GET", "customers", "CUSTOMERS_READ", customers.list_customers),
    Operation("GET", "customers/{customer}", "CUSTOMERS_READ", customers.get_customer),
    Operation("GET", "licenses", "LICENSES_READ", licenses.list_licenses),
    Operation("GET", "licenses/{license}", "LICENSES_READ", licenses.get_license),
    Operation("POST", "licenses/verify", "LICENSES_READ", licenses.verify_license),
    Operation("GET", "subscriptions", "SUBSCRIPTIONS_READ", subscriptions.list_subscriptions),
    Operation(
        "GET",
        "subscriptions/{subscription}",
        "SUBSCRIPTIONS_READ",
        subscriptions.get_subscription,
    ),
    Operation(
        "GET",
        "subscriptions/{subscription}/upcoming-invoice",
        "SUBSCRIPTIONS_READ",
        subscriptions.upcoming_invoice,
    ),
    *(
        Operation("POST", f"subscriptions/{{subscription}}/{name}", "SUBSCRIPTIONS_WRITE", move)
        for name, move in subscriptions.SUBSCRIPTION_MOVES.items()
    ),
    Operation("GET", "subscriptions/{subscription}/usage", "USAGE_READ", events.subscription_usage),
    Operation("POST", "usage", "USAGE_WRITE", events.post_usage),
    Operation("GET", "usage", "USAGE_READ", events.list_usage),
    Operation("GET", "products/{product}/meters", "METERS_READ", meters.list_meters),
    Operation("POST", "products/{product}/meters", "METERS_WRITE", meters.post_meter),
    Operation("GET", "products/{product}/meters/{meter}", "METERS_READ", meters.get_meter),
    Operation("PATCH", "products/{product}/meters/{meter}", "METERS_WRITE", meters.patch_meter),
    Operation("DELETE", "products/{product}/meters/{meter}", "METERS_WRITE", meters.delete_meter),
    Operation("GET", "refunds", "REFUNDS_READ", sales.list_refunds),
    Operation("POST", "refunds/orders/{order}", "REFUNDS_WRITE", sales.create_refund, replays=True),
    Operation("GET", "refunds/{refund}", "REFUNDS_READ", sales.get_refund),
    Operation("GET", "disputes", "DISPUTES_READ", sales.list_disputes),
    Operation("GET", "disputes/{dispute}", "DISPUTES_READ", sales.get_dispute),
    Operation("POST", "disputes/{dispute}/evidence", "DISPUTES_WRITE", sales.submit_evidence),
    Operation("GET", "analytics/overview", "ANALYTICS_READ", analytics.overview),
    Operation("GET", "analytics/gross-volume", "ANALYTICS_READ", analytics.gross_volume),
    Operation("GET", "analytics/orders-by-country", "ANALYTICS_READ", analytics.orders_by_country),
    Operation("GET", "cases", "CASES_READ", cases.list_cases),
    Operation("GET", "cases/{case}", "CASES_READ", cases.get_case),
    Operation("PATCH", "cases/{case}", "CASES_WRITE", cases.patch_case),
    Operation("GET", "cases/{case}/messages", "CASES_READ", cases.list_messages),
    Operation("POST", "cases/{case}/messages", "CASES_WRITE", cases.post_message),
    Operation("POST", "cases/{case}/read", "CASES_WRITE", cases.read_case),
    Operation("POST", "reports", "REPORTS_WRITE", reports.post_report),
    Operation("GET", "reports", "REPORTS_READ", reports.list_reports),
    Operation("GET", "reports/{report}", "REPORTS_READ", reports.get_report),
    Operation("GET", "reports/{report}/download/{format}", "REPORTS_READ", reports.get_download),
)
"""Everything below ``/v2/core/stores/{store}/``."""

ADMINISTRATION: tuple[Operation, ...] = (
    Operation("POST", "tokens/{token}/roll-secret", None, account.roll_secret),
    Operation("GET", "api-logs", None, account.list_api_logs),
)
"""Everything below ``/v2/stores/{store}/``. Source: P-01."""


class _Table:
    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self._paths: dict[tuple[int, str], list[tuple[list[str], dict[str, Operation]]]] = {}
        by_path: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            by_path.setdefault(operation.path, {})[operation.method] = operation
        # Written-out segments come before ids: "payouts/ledger" is no payout.
        for path in sorted(by_path, key=lambda path: path.count("{")):
            pattern = path.split("/") if path else []
            first = pattern[0] if pattern else ""
            self._paths.setdefault((len(pattern), first), []).append((pattern, by_path[path]))

    def find(self, method: str, segments: list[str]) -> Match | None:
        for pattern, methods in self._paths.get((len(segments), "".join(segments[:1])), []):
            ids = _ids(pattern, segments)
            if ids is None:
                continue
            operation = methods.get(method)
            if operation is None:
                raise MethodNotAllowed(sorted(methods))
            return Match(operation, ids)
        return None


def _ids(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    ids = {}
    for wanted, found in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            ids[wanted[1:-1]] = found
        elif wanted != found:
            return None
    return ids


_CORE_TABLE = _Table(OPERATIONS)
_ADMINISTRATION_TABLE = _Table(ADMINISTRATION)


def find_operation(method: str, segments: list[str], *, store_id: str) -> Match | None:
    """The operation for a path; None when there is none, or the store is another one.

    Raises:
        MethodNotAllowed: The path takes other methods.
    """
    if segments[:3] == ["v2", "core", "stores"] and segments[3:4] == [store_id]:
        return _CORE_TABLE.find(method, segments[4:])
    if segments[:2] == ["v2", "stores"] and segments[2:3] == [store_id]:
        return _ADMINISTRATION_TABLE.find(method, segments[3:])
    return None
