"""Which endpoint answers which method and path, and what permission it needs. Source: P-12."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pandabase_django.sandbox import account_endpoints as account
from pandabase_django.sandbox import catalog_endpoints as catalog
from pandabase_django.sandbox import customer_endpoints as customers
from pandabase_django.sandbox import sales_endpoints as sales
from pandabase_django.sandbox.context import Call
from pandabase_django.sandbox.wire import Response, failure

__all__ = ["OPERATIONS", "Match", "MethodNotAllowed", "Operation", "find_operation"]


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


def _absent(call: Call) -> Response:
    return failure(501, "This operation is not part of the sandbox")


def _absent_operations() -> list[Operation]:
    """Operations that are known and refused, so that permissions and methods are still checked."""
    table = """
    GET POST coupons COUPONS | GET PATCH DELETE coupons/{coupon} COUPONS
    GET analytics/overview ANALYTICS | GET analytics/gross-volume ANALYTICS
    GET analytics/orders-by-country ANALYTICS
    POST orders/{order}/retry-fulfillment ORDERS
    GET licenses LICENSES | GET licenses/{license} LICENSES | POST licenses/verify LICENSES_READ
    GET subscriptions SUBSCRIPTIONS | GET subscriptions/{subscription} SUBSCRIPTIONS
    GET subscriptions/{subscription}/usage USAGE
    GET subscriptions/{subscription}/upcoming-invoice SUBSCRIPTIONS
    POST subscriptions/{subscription}/cancel SUBSCRIPTIONS
    POST subscriptions/{subscription}/pause SUBSCRIPTIONS
    POST subscriptions/{subscription}/resume SUBSCRIPTIONS
    POST subscriptions/{subscription}/change SUBSCRIPTIONS
    POST subscriptions/{subscription}/reactivate SUBSCRIPTIONS
    GET cases CASES | GET PATCH cases/{case} CASES
    GET POST cases/{case}/messages CASES | POST cases/{case}/read CASES
    POST GET usage USAGE
    GET POST products/{product}/meters METERS
    GET PATCH DELETE products/{product}/meters/{meter} METERS
    POST GET reports REPORTS | GET reports/{report} REPORTS
    GET reports/{report}/download/{format} REPORTS
    """
    operations = []
    for row in table.replace("|", "\n").strip().splitlines():
        *methods, path, resource = row.split()
        for method in methods:
            right = "READ" if method == "GET" else "WRITE"
            permission = resource if resource.endswith("_READ") else f"{resource}_{right}"
            operations.append(Operation(method, path, permission, _absent))
    return operations


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "", "STORE_READ", account.get_store),
    Operation("GET", "products", "PRODUCTS_READ", catalog.list_products),
    Operation("POST", "products", "PRODUCTS_WRITE", catalog.post_product),
    Operation("GET", "products/{product}", "PRODUCTS_READ", catalog.get_product),
    Operation("PATCH", "products/{product}", "PRODUCTS_WRITE", catalog.patch_product),
    Operation("DELETE", "products/{product}", "PRODUCTS_WRITE", catalog.delete_product),
    Operation("GET", "categories", "CATEGORIES_READ", catalog.list_categories),
    Operation("POST", "categories", "CATEGORIES_WRITE", catalog.post_category),
    Operation("GET", "categories/{category}", "CATEGORIES_READ", catalog.get_category),
    Operation("PATCH", "categories/{category}", "CATEGORIES_WRITE", catalog.patch_category),
    Operation("DELETE", "categories/{category}", "CATEGORIES_WRITE", catalog.delete_category),
    Operation("GET", "webhooks", "WEBHOOKS_READ", account.list_webhooks),
    Operation("POST", "webhooks", "WEBHOOKS_WRITE", account.post_webhook),
    Operation("GET", "webhooks/{webhook}", "WEBHOOKS_READ", account.get_webhook),
    Operation("PATCH", "webhooks/{webhook}", "WEBHOOKS_WRITE", account.patch_webhook),
    Operation("DELETE", "webhooks/{webhook}", "WEBHOOKS_WRITE", account.delete_webhook),
    Operation("GET", "payouts", "PAYOUTS_READ", account.list_payouts),
    Operation("GET", "payouts/bank-accounts", "PAYOUTS_READ", account.list_bank_accounts),
    Operation("GET", "payouts/ledger", "PAYOUTS_READ", account.list_ledger),
    Operation("GET", "payouts/{payout}", "PAYOUTS_READ", account.get_payout),
    Operation("GET", "orders", "ORDERS_READ", sales.list_orders),
    Operation("GET", "orders/payments", "ORDERS_READ", sales.list_payments),
    Operation("GET", "orders/payments/{payment}", "ORDERS_READ", sales.get_payment),
    Operation("GET", "orders/{order}", "ORDERS_READ", sales.get_order),
    Operation("GET", "orders/{order}/refunds", "ORDERS_READ", sales.list_order_refunds),
    Operation("GET", "customers", "CUSTOMERS_READ", customers.list_customers),
    Operation("GET", "customers/{customer}", "CUSTOMERS_READ", customers.get_customer),
    Operation("GET", "refunds", "REFUNDS_READ", sales.list_refunds),
    Operation("POST", "refunds/orders/{order}", "REFUNDS_WRITE", sales.create_refund, replays=True),
    Operation("GET", "refunds/{refund}", "REFUNDS_READ", sales.get_refund),
    Operation("GET", "disputes", "DISPUTES_READ", sales.list_disputes),
    Operation("GET", "disputes/{dispute}", "DISPUTES_READ", sales.get_dispute),
    Operation("POST", "disputes/{dispute}/evidence", "DISPUTES_WRITE", sales.submit_evidence),
    *_absent_operations(),
)
"""Everything below ``/v2/core/stores/{store}/``."""

_ADMINISTRATION: tuple[Operation, ...] = (
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
_ADMINISTRATION_TABLE = _Table(_ADMINISTRATION)


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
