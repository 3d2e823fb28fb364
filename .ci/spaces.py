"""The methods of the clients: a line for each operation. ``.ci/methods.py`` writes them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SPACES", "Method", "Space"]


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        name: Of the method.
        operation: That it calls.
        result: The schema of its answer; "" when there is nothing to read.
        doc: Its first line.
        kind: one object; many without pages; page of a list.
        given: What it takes instead of the body: parameters, and the body made of them.
        read: Reads the answer, where it is not the schema's ``from_json``.
    """

    name: str
    operation: str
    result: str
    doc: str
    kind: str = "one"
    given: tuple[str, str] | None = None
    read: str = ""


@dataclass(frozen=True)
class Space:
    """One namespace.

    Attributes:
        name: The client's attribute.
        doc: What is in it.
        methods: All but those of the list.
        of: One of its objects, in words.
        lists: The list's operation and the schema of its objects.
        listing: How the list is made, where it is not by its operation alone.
        extra: Further lines of ``__init__``.
        about: Further lines of the docstring.
    """

    name: str
    doc: str
    methods: tuple[Method, ...]
    of: str = ""
    lists: tuple[str, str] | None = None
    listing: str = ""
    kind: str = "Listing"
    extra: str = ""
    about: str = ""


def single(operation: str, result: str, of: str) -> Method:
    return Method("get", operation, result, f"One {of} by its id.", kind="get")


def crud(of: str, result: str, *, deleted: str = "") -> tuple[Method, ...]:
    new = "NewWebhook" if of == "webhook" else result
    title = {"webhook": "registration"}.get(of, of)
    return (
        single(f"{of}_get", result, title),
        Method("create", f"{of}_create", new, f"Make a {title}, in the remote's own field names."),
        Method("update", f"{of}_update", result, f"Change some fields of a {title}."),
        Method("delete", f"{of}_delete", "", deleted or f"Delete a {title}."),
    )


SPACES: dict[str, tuple[str, tuple[Space, ...]]] = {
    "catalog": (
        "The store, its products, categories and coupons.",
        (
            Space(
                "store",
                "The store itself.",
                (Method("get", "store_get", "StoreInfo", "Name, country and currency."),),
            ),
            Space(
                "products",
                "Products.",
                crud("product", "Product", deleted="Delete a product softly (Source: P-20)."),
                of="product",
                lists=("products_list", "Product"),
            ),
            Space(
                "categories",
                "Categories.",
                crud("category", "Category"),
                of="category",
                lists=("categories_list", "Category"),
            ),
            Space(
                "coupons",
                "Coupons.",
                crud("coupon", "Coupon"),
                of="coupon",
                lists=("coupons_list", "Coupon"),
            ),
        ),
    ),
    "sales": (
        "Orders, payments, customers, refunds and disputes.",
        (
            Space(
                "orders",
                "Orders: the list gives summaries, ``get`` the detail form (Source: P-21).",
                (
                    Method("get", "order_get", "Order", "One order with its line items."),
                    Method(
                        "refunds",
                        "order_refunds_list",
                        "Refund",
                        "The refunds of one order: a list without pages (Source: P-46).",
                        kind="many",
                    ),
                    Method(
                        "refund",
                        "order_refund",
                        "Refund",
                        "Refund an order, whole (Source: P-46); ``actions.refund`` is safer.",
                    ),
                    Method(
                        "retry_fulfillment",
                        "order_retry_fulfillment",
                        "Fulfilment",
                        "Have the webhooks that deliver licences sent again.",
                    ),
                ),
                of="order",
                lists=("orders_list", "OrderSummary"),
                extra="self.rows: Listing[schemas.OrderRow] = Listing("
                'client, "orders_list", schemas.OrderRow.from_json, raw=True)',
                about="\n\n    Attributes:\n        rows: The same list, each order read on "
                "demand; for whoever compares a great many.",
            ),
            Space(
                "payments",
                "Payments of orders.",
                (Method("get", "payment_get", "Payment", "One payment by its id."),),
                of="payment",
                lists=("payments_list", "Payment"),
            ),
            Space(
                "customers",
                "Customers.",
                (single("customer_get", "CustomerRecord", "customer"),),
                of="customer",
                lists=("customers_list", "CustomerRecord"),
            ),
            Space(
                "refunds",
                "Refunds of all orders.",
                (single("refund_get", "Refund", "refund"),),
                of="refund",
                lists=("refunds_list", "Refund"),
            ),
            Space(
                "disputes",
                "Disputes.",
                (
                    single("dispute_get", "Dispute", "dispute"),
                    Method(
                        "submit_evidence",
                        "dispute_evidence_submit",
                        "Dispute",
                        "Answer a dispute, once (Source: P-47). ``actions.submit_evidence`` is the "
                        "safer way.",
                    ),
                ),
                of="dispute",
                lists=("disputes_list", "Dispute"),
            ),
        ),
    ),
    "money": (
        "Payouts, the ledger, analytics and reports.",
        (
            Space(
                "payouts",
                "Payouts, and the accounts they go to.",
                (
                    single("payout_get", "Payout", "payout"),
                    Method(
                        "bank_accounts",
                        "bank_accounts_list",
                        "BankAccount",
                        "The accounts that payouts go to: a list without pages.",
                        kind="many",
                    ),
                ),
                of="payout",
                lists=("payouts_list", "Payout"),
            ),
            Space(
                "ledger",
                "Movements of the balance; the list only grows (Source: P-23).",
                (),
                of="movement",
                lists=("ledger_list", "LedgerEntry"),
                listing='Listing(client, "ledger_list", schemas.LedgerEntry.from_json, texts=True)',
            ),
            Space(
                "analytics",
                "Figures of a period.",
                (
                    Method(
                        "overview", "analytics_overview", "Overview", "What was sold in a period."
                    ),
                    Method(
                        "gross_volume",
                        "analytics_gross_volume",
                        "GrossVolume",
                        "The gross volume over time.",
                    ),
                    Method(
                        "orders_by_country",
                        "analytics_orders_by_country",
                        "CountrySales",
                        "What was sold to each country.",
                        kind="many",
                    ),
                ),
            ),
            Space(
                "reports",
                "Reports to download (Source: P-54).",
                (
                    single("report_get", "Report", "report"),
                    Method("create", "report_create", "Report", "Ask for a report."),
                    Method(
                        "download",
                        "report_download",
                        "ReportDownload",
                        "Where a finished report can be downloaded, for five minutes.",
                    ),
                ),
                of="report",
                lists=("reports_list", "Report"),
            ),
        ),
    ),
    "subscriptions": (
        "Subscriptions and licences.",
        (
            Space(
                "subscriptions",
                "Subscriptions (Source: P-50). For changes ``pandabase_django.actions`` is safer.",
                (
                    single("subscription_get", "Subscription", "subscription"),
                    Method(
                        "usage",
                        "subscription_usage",
                        "SubscriptionUsage",
                        "What was used in the current period.",
                    ),
                    Method(
                        "upcoming_invoice",
                        "subscription_upcoming_invoice",
                        "UpcomingInvoice",
                        "What the next renewal charges (Source: P-58).",
                    ),
                    Method(
                        "cancel",
                        "subscription_cancel",
                        "Subscription",
                        "Cancel at the end of the period, or at once.",
                    ),
                    Method("pause", "subscription_pause", "Subscription", "Pause a subscription."),
                    Method("resume", "subscription_resume", "Subscription", "Resume a paused one."),
                    Method(
                        "change",
                        "subscription_change",
                        "Subscription",
                        "Change product, variant, interval or quantity.",
                    ),
                    Method(
                        "reactivate",
                        "subscription_reactivate",
                        "Subscription",
                        "Take back a cancellation at the end of the period.",
                    ),
                ),
                of="subscription",
                lists=("subscriptions_list", "Subscription"),
            ),
            Space(
                "licenses",
                "Licences, their keys out of sight (Source: P-51).",
                (
                    single("license_get", "License", "licence"),
                    Method(
                        "verify",
                        "license_verify",
                        "LicenseVerification",
                        'Whether the key of ``reveal`` is good; ``product_id``: "" for any.',
                        given=(
                            'reveal: Callable[[], str], *, product_id: str = ""',
                            '{"key": reveal(), '
                            '**({"productId": product_id} if product_id else {})}',
                        ),
                    ),
                ),
                of="licence",
                lists=("licenses_list", "License"),
                listing="LicenseLists(client)",
                kind="LicenseLists",
            ),
        ),
    ),
    "usage": (
        "Usage events and the meters that count them.",
        (
            Space(
                "usage",
                "Usage events: a call reports up to a hundred of one subscription (Source: P-52).",
                (
                    Method(
                        "record",
                        "usage_record",
                        "UsageAnswer",
                        "Report ``events`` of the subscription. ``record_usage`` is the safer way.",
                        given=(
                            "subscription_id: str, events: Sequence[UsageRecordEvent], *",
                            '{"subscription_id": subscription_id, '
                            '"events": [dict(one) for one in events]}',
                        ),
                        read="lambda data: schemas.UsageAnswer.from_json(data, sent=len(events))",
                    ),
                ),
                of="usage event",
                lists=("usage_list", "UsageEvent"),
            ),
            Space(
                "meters",
                "Meters of a product.",
                (
                    Method(
                        "list",
                        "product_meters_list",
                        "Meter",
                        "The meters of a product: a list without pages.",
                        kind="many",
                    ),
                    Method("get", "product_meter_get", "Meter", "One meter by its id."),
                    Method("create", "product_meter_create", "Meter", "Make a meter."),
                    Method(
                        "update", "product_meter_update", "Meter", "Change some fields of a meter."
                    ),
                    Method("delete", "product_meter_delete", "", "Delete a meter."),
                ),
            ),
        ),
    ),
    "support": (
        "Cases, webhooks and request logs.",
        (
            Space(
                "cases",
                "Cases: what customers ask (Source: P-55).",
                (
                    single("case_get", "Case", "case"),
                    Method("update", "case_update", "Case", "Change priority or status."),
                    Method("mark_read", "case_mark_read", "", "Mark a case as read."),
                    Method(
                        "messages",
                        "case_messages_list",
                        "CaseMessage",
                        "One page of a case's messages.",
                        kind="page",
                    ),
                    Method("send", "case_message_create", "CaseMessage", "Answer in a case."),
                ),
                of="case",
                lists=("cases_list", "Case"),
            ),
            Space(
                "webhooks",
                "Registrations of webhook endpoints (Source: P-35).",
                crud("webhook", "Webhook", deleted="Delete a registration; its deliveries end."),
                of="registration",
                lists=("webhooks_list", "Webhook"),
            ),
            Space(
                "request_logs",
                "What was asked with the store's tokens (Source: P-18).",
                (),
                of="request",
                lists=("request_logs_list", "RequestLogEntry"),
                listing='Listing(client, "request_logs_list", schemas.RequestLogEntry.from_json, '
                "texts=True)",
            ),
        ),
    ),
}
