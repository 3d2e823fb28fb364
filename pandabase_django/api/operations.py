"""Every operation of the Store API in one table (Source: P-12), and the public ones in another.

Paths are below the store; collections are written without a final slash (Source: P-02).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from pandabase_django.exceptions import UnfitId

__all__ = ["OPERATIONS", "PUBLIC_OPERATIONS", "Operation", "label_of"]

CORE = "/v2/core/stores/{store_id}"
ADMINISTRATION = "/v2/stores/{store_id}"
CHECKOUTS = "/v2/stores/{store_id}/checkouts"
STOREFRONT = "/v2/storefront/stores/{store_id}"

_PARAMETER = re.compile(r"{(\w+)}")
# Even percent-encoded they are taken for steps within the path; see ``fill``.
_UNFIT = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.

    Attributes:
        name: How the client is asked for it.
        method: HTTP method.
        path: Path with ``{names}`` to fill.
        permission: The one code it requires; "" when that is not known.
        query: Query parameters the remote documents, in its own spelling.
        only_computes: A POST that changes nothing, so that it may be repeated as well.
    """

    name: str
    method: str
    path: str
    permission: str
    query: frozenset[str] = frozenset()
    only_computes: bool = False

    @property
    def reads(self) -> bool:
        """Changes nothing and may be repeated."""
        return self.method == "GET"

    @property
    def repeatable(self) -> bool:
        """May be sent again after an answer that got lost."""
        return self.reads or self.only_computes

    def fill(self, parameters: Mapping[str, str]) -> str:
        """The path for these parameters.

        Raises:
            TypeError: A parameter is missing or unknown.
            UnfitId: A parameter is no segment of a path.
        """
        needed = set(_PARAMETER.findall(self.path))
        if needed != set(parameters):
            raise TypeError(
                f"{self.name} takes {', '.join(sorted(needed - {'store_id'})) or 'no'} parameters."
            )
        return self.path.format_map({k: _segment(k, v) for k, v in parameters.items()})


def _segment(name: str, value: str) -> str:
    """An id as one segment of a path: "ord/../x" must not address something else."""
    if value in _UNFIT:
        # requests decodes %2E, and urllib3 resolves what comes of it.
        raise UnfitId(f"{name} can't be {value!r}: no path can hold that.")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise UnfitId(f"{name} holds characters that have no UTF-8.") from None


# name, method, path below the store, permission, query parameters
_CORE_OPERATIONS: tuple[tuple[str, str, str, str, str], ...] = (
    ("store_get", "GET", "", "STORE_READ", ""),
    (
        "products_list",
        "GET",
        "/products",
        "PRODUCTS_READ",
        "page limit search productType status pricingModel inStock categoryId sortBy sortOrder",
    ),
    ("product_create", "POST", "/products", "PRODUCTS_WRITE", ""),
    ("product_get", "GET", "/products/{product_id}", "PRODUCTS_READ", ""),
    ("product_update", "PATCH", "/products/{product_id}", "PRODUCTS_WRITE", ""),
    ("product_delete", "DELETE", "/products/{product_id}", "PRODUCTS_WRITE", ""),
    (
        "categories_list",
        "GET",
        "/categories",
        "CATEGORIES_READ",
        "page limit search parentId featured isFavourite isArchived sortBy sortOrder",
    ),
    ("category_create", "POST", "/categories", "CATEGORIES_WRITE", ""),
    ("category_get", "GET", "/categories/{category_id}", "CATEGORIES_READ", ""),
    ("category_update", "PATCH", "/categories/{category_id}", "CATEGORIES_WRITE", ""),
    ("category_delete", "DELETE", "/categories/{category_id}", "CATEGORIES_WRITE", ""),
    (
        "coupons_list",
        "GET",
        "/coupons",
        "COUPONS_READ",
        "page limit search type enabled sortBy sortOrder",
    ),
    ("coupon_create", "POST", "/coupons", "COUPONS_WRITE", ""),
    ("coupon_get", "GET", "/coupons/{coupon_id}", "COUPONS_READ", ""),
    ("coupon_update", "PATCH", "/coupons/{coupon_id}", "COUPONS_WRITE", ""),
    ("coupon_delete", "DELETE", "/coupons/{coupon_id}", "COUPONS_WRITE", ""),
    ("webhooks_list", "GET", "/webhooks", "WEBHOOKS_READ", "page limit"),
    ("webhook_create", "POST", "/webhooks", "WEBHOOKS_WRITE", ""),
    ("webhook_get", "GET", "/webhooks/{webhook_id}", "WEBHOOKS_READ", ""),
    ("webhook_update", "PATCH", "/webhooks/{webhook_id}", "WEBHOOKS_WRITE", ""),
    ("webhook_delete", "DELETE", "/webhooks/{webhook_id}", "WEBHOOKS_WRITE", ""),
    (
        "analytics_overview",
        "GET",
        "/analytics/overview",
        "ANALYTICS_READ",
        "period startDate endDate granularity",
    ),
    (
        "analytics_gross_volume",
        "GET",
        "/analytics/gross-volume",
        "ANALYTICS_READ",
        "period startDate endDate granularity",
    ),
    (
        "analytics_orders_by_country",
        "GET",
        "/analytics/orders-by-country",
        "ANALYTICS_READ",
        "period startDate endDate granularity",
    ),
    ("payouts_list", "GET", "/payouts", "PAYOUTS_READ", "page limit"),
    ("payout_get", "GET", "/payouts/{payout_id}", "PAYOUTS_READ", ""),
    ("bank_accounts_list", "GET", "/payouts/bank-accounts", "PAYOUTS_READ", ""),
    ("ledger_list", "GET", "/payouts/ledger", "PAYOUTS_READ", "page limit type"),
    ("orders_list", "GET", "/orders", "ORDERS_READ", "page limit status search sort"),
    ("order_get", "GET", "/orders/{order_id}", "ORDERS_READ", ""),
    ("order_refunds_list", "GET", "/orders/{order_id}/refunds", "ORDERS_READ", ""),
    ("order_retry_fulfillment", "POST", "/orders/{order_id}/retry-fulfillment", "ORDERS_WRITE", ""),
    ("payments_list", "GET", "/orders/payments", "ORDERS_READ", "page limit status search sort"),
    ("payment_get", "GET", "/orders/payments/{payment_id}", "ORDERS_READ", ""),
    ("customers_list", "GET", "/customers", "CUSTOMERS_READ", "page limit search sortBy sortOrder"),
    ("customer_get", "GET", "/customers/{customer_id}", "CUSTOMERS_READ", ""),
    ("licenses_list", "GET", "/licenses", "LICENSES_READ", "page limit productId status"),
    ("license_get", "GET", "/licenses/{license_id}", "LICENSES_READ", ""),
    ("license_verify", "POST", "/licenses/verify", "LICENSES_READ", ""),
    (
        "subscriptions_list",
        "GET",
        "/subscriptions",
        "SUBSCRIPTIONS_READ",
        "page limit status product_id customer_id",
    ),
    ("subscription_get", "GET", "/subscriptions/{subscription_id}", "SUBSCRIPTIONS_READ", ""),
    ("subscription_usage", "GET", "/subscriptions/{subscription_id}/usage", "USAGE_READ", ""),
    (
        "subscription_upcoming_invoice",
        "GET",
        "/subscriptions/{subscription_id}/upcoming-invoice",
        "SUBSCRIPTIONS_READ",
        "",
    ),
    (
        "subscription_cancel",
        "POST",
        "/subscriptions/{subscription_id}/cancel",
        "SUBSCRIPTIONS_WRITE",
        "",
    ),
    (
        "subscription_pause",
        "POST",
        "/subscriptions/{subscription_id}/pause",
        "SUBSCRIPTIONS_WRITE",
        "",
    ),
    (
        "subscription_resume",
        "POST",
        "/subscriptions/{subscription_id}/resume",
        "SUBSCRIPTIONS_WRITE",
        "",
    ),
    (
        "subscription_change",
        "POST",
        "/subscriptions/{subscription_id}/change",
        "SUBSCRIPTIONS_WRITE",
        "",
    ),
    (
        "subscription_reactivate",
        "POST",
        "/subscriptions/{subscription_id}/reactivate",
        "SUBSCRIPTIONS_WRITE",
        "",
    ),
    ("cases_list", "GET", "/cases", "CASES_READ", "page limit status priority customerId orderId"),
    ("case_get", "GET", "/cases/{case_id}", "CASES_READ", ""),
    ("case_update", "PATCH", "/cases/{case_id}", "CASES_WRITE", ""),
    ("case_messages_list", "GET", "/cases/{case_id}/messages", "CASES_READ", "page limit"),
    ("case_message_create", "POST", "/cases/{case_id}/messages", "CASES_WRITE", ""),
    ("case_mark_read", "POST", "/cases/{case_id}/read", "CASES_WRITE", ""),
    ("refunds_list", "GET", "/refunds", "REFUNDS_READ", "page limit status sort"),
    ("refund_get", "GET", "/refunds/{refund_id}", "REFUNDS_READ", ""),
    ("order_refund", "POST", "/refunds/orders/{order_id}", "REFUNDS_WRITE", ""),
    ("disputes_list", "GET", "/disputes", "DISPUTES_READ", "page limit status sort needsEvidence"),
    ("dispute_get", "GET", "/disputes/{dispute_id}", "DISPUTES_READ", ""),
    ("dispute_evidence_submit", "POST", "/disputes/{dispute_id}/evidence", "DISPUTES_WRITE", ""),
    ("usage_record", "POST", "/usage", "USAGE_WRITE", ""),
    ("usage_list", "GET", "/usage", "USAGE_READ", "subscription_id meter_id from to page limit"),
    ("product_meters_list", "GET", "/products/{product_id}/meters", "METERS_READ", ""),
    ("product_meter_create", "POST", "/products/{product_id}/meters", "METERS_WRITE", ""),
    ("product_meter_get", "GET", "/products/{product_id}/meters/{meter_id}", "METERS_READ", ""),
    (
        "product_meter_update",
        "PATCH",
        "/products/{product_id}/meters/{meter_id}",
        "METERS_WRITE",
        "",
    ),
    (
        "product_meter_delete",
        "DELETE",
        "/products/{product_id}/meters/{meter_id}",
        "METERS_WRITE",
        "",
    ),
    ("report_create", "POST", "/reports", "REPORTS_WRITE", ""),
    ("reports_list", "GET", "/reports", "REPORTS_READ", "page limit status type"),
    ("report_get", "GET", "/reports/{report_id}", "REPORTS_READ", ""),
    ("report_download", "GET", "/reports/{report_id}/download/{format}", "REPORTS_READ", ""),
)

_ADMINISTRATION_OPERATIONS = (
    # Which permission these need is not known (Source: P-16, P-18).
    Operation("secret_roll", "POST", ADMINISTRATION + "/tokens/{token_id}/roll-secret", ""),
    Operation(
        "request_logs_list", "GET", ADMINISTRATION + "/api-logs", "", frozenset({"page", "limit"})
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        operation.name: operation
        for operation in (
            *(
                Operation(
                    name,
                    method,
                    CORE + path,
                    permission,
                    frozenset(query.split()),
                    only_computes=name == "license_verify",
                )
                for name, method, path, permission, query in _CORE_OPERATIONS
            ),
            *_ADMINISTRATION_OPERATIONS,
        )
    }
)

# name, method, whole path, query parameters
_PUBLIC_OPERATIONS = (
    ("checkout_create", "POST", CHECKOUTS, ""),
    ("checkout_estimate", "POST", f"{CHECKOUTS}/estimate", ""),
    ("storefront_get", "GET", STOREFRONT, ""),
    (
        "storefront_products_list",
        "GET",
        f"{STOREFRONT}/products",
        "page limit search categoryId productType pricingModel sortBy sortOrder",
    ),
    ("storefront_product_get", "GET", f"{STOREFRONT}/products/{{product_id}}", ""),
    (
        "storefront_categories_list",
        "GET",
        f"{STOREFRONT}/categories",
        "page limit featured parentId",
    ),
    ("storefront_category_get", "GET", f"{STOREFRONT}/categories/{{category_id}}", ""),
)

PUBLIC_OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        name: Operation(
            name,
            method,
            path,
            "",
            frozenset(query.split()),
            only_computes=name == "checkout_estimate",
        )
        for name, method, path, query in _PUBLIC_OPERATIONS
    }
)
"""What anybody may call who knows the store's id: no token is sent. Source: P-36, P-43."""


def label_of(operation: Operation) -> str:
    """Its name, as metrics and traces have it; ``other`` of one that is in no table."""
    known = OPERATIONS.get(operation.name) or PUBLIC_OPERATIONS.get(operation.name)
    return operation.name if operation is known else "other"
