"""How ``request`` is called, by the name of the operation.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypedDict, TypeVar, overload

from pandabase_django.api.operations import Operation
from pandabase_django.api.params.catalog import (
    CategoriesListQuery,
    CategoryCreateBody,
    CategoryPath,
    CategoryUpdateBody,
    CouponCreateBody,
    CouponPath,
    CouponsListQuery,
    CouponUpdateBody,
    ProductCreateBody,
    ProductPath,
    ProductsListQuery,
    ProductUpdateBody,
)
from pandabase_django.api.params.money import (
    AnalyticsGrossVolumeQuery,
    AnalyticsOrdersByCountryQuery,
    AnalyticsOverviewQuery,
    LedgerListQuery,
    PayoutPath,
    PayoutsListQuery,
    ReportCreateBody,
    ReportFormatPath,
    ReportPath,
    ReportsListQuery,
)
from pandabase_django.api.params.sales import (
    CustomerPath,
    CustomersListQuery,
    DisputeEvidenceSubmitBody,
    DisputePath,
    DisputesListQuery,
    OrderPath,
    OrderRefundBody,
    OrdersListQuery,
    PaymentPath,
    PaymentsListQuery,
    RefundPath,
    RefundsListQuery,
)
from pandabase_django.api.params.subscriptions import (
    LicensePath,
    LicensesListQuery,
    LicenseVerifyBody,
    SubscriptionCancelBody,
    SubscriptionChangeBody,
    SubscriptionPath,
    SubscriptionsListQuery,
)
from pandabase_django.api.params.support import (
    CaseMessageCreateBody,
    CaseMessagesListQuery,
    CasePath,
    CasesListQuery,
    CaseUpdateBody,
    WebhookCreateBody,
    WebhookPath,
    WebhooksListQuery,
    WebhookUpdateBody,
)
from pandabase_django.api.params.usage import (
    ProductMeterCreateBody,
    ProductMeterPath,
    ProductMeterUpdateBody,
    UsageListQuery,
    UsageRecordBody,
)

__all__ = ["PageQuery", "Requests"]

R_co = TypeVar("R_co", covariant=True)


class PageQuery(TypedDict, total=False):
    """Query of a list without filters."""

    page: int
    limit: int


class Requests(Protocol[R_co]):
    """``request`` of a client, which gives an ``R_co``.

    Whoever has the name in a variable gives the operation itself.
    """

    @overload
    def __call__(
        self, operation: Literal["store_get"], *, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["products_list"],
        *,
        query: ProductsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_create"],
        *,
        body: ProductCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_get"],
        *,
        params: ProductPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_update"],
        *,
        params: ProductPath,
        body: ProductUpdateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_delete"],
        *,
        params: ProductPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["categories_list"],
        *,
        query: CategoriesListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["category_create"],
        *,
        body: CategoryCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["category_get"],
        *,
        params: CategoryPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["category_update"],
        *,
        params: CategoryPath,
        body: CategoryUpdateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["category_delete"],
        *,
        params: CategoryPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["coupons_list"],
        *,
        query: CouponsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["coupon_create"],
        *,
        body: CouponCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["coupon_get"], *, params: CouponPath, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["coupon_update"],
        *,
        params: CouponPath,
        body: CouponUpdateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["coupon_delete"],
        *,
        params: CouponPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["webhooks_list"],
        *,
        query: WebhooksListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["webhook_create"],
        *,
        body: WebhookCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["webhook_get"],
        *,
        params: WebhookPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["webhook_update"],
        *,
        params: WebhookPath,
        body: WebhookUpdateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["webhook_delete"],
        *,
        params: WebhookPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["analytics_overview"],
        *,
        query: AnalyticsOverviewQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["analytics_gross_volume"],
        *,
        query: AnalyticsGrossVolumeQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["analytics_orders_by_country"],
        *,
        query: AnalyticsOrdersByCountryQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["payouts_list"],
        *,
        query: PayoutsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["payout_get"], *, params: PayoutPath, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["bank_accounts_list"], *, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["ledger_list"],
        *,
        query: LedgerListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["orders_list"],
        *,
        query: OrdersListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["order_get"], *, params: OrderPath, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["order_refunds_list"],
        *,
        params: OrderPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["order_retry_fulfillment"],
        *,
        params: OrderPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["payments_list"],
        *,
        query: PaymentsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["payment_get"],
        *,
        params: PaymentPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["customers_list"],
        *,
        query: CustomersListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["customer_get"],
        *,
        params: CustomerPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["licenses_list"],
        *,
        query: LicensesListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["license_get"],
        *,
        params: LicensePath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["license_verify"],
        *,
        body: LicenseVerifyBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscriptions_list"],
        *,
        query: SubscriptionsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_get"],
        *,
        params: SubscriptionPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_usage"],
        *,
        params: SubscriptionPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_upcoming_invoice"],
        *,
        params: SubscriptionPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_cancel"],
        *,
        params: SubscriptionPath,
        body: SubscriptionCancelBody | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_pause"],
        *,
        params: SubscriptionPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_resume"],
        *,
        params: SubscriptionPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_change"],
        *,
        params: SubscriptionPath,
        body: SubscriptionChangeBody | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["subscription_reactivate"],
        *,
        params: SubscriptionPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["cases_list"],
        *,
        query: CasesListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["case_get"], *, params: CasePath, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["case_update"],
        *,
        params: CasePath,
        body: CaseUpdateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["case_messages_list"],
        *,
        params: CasePath,
        query: CaseMessagesListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["case_message_create"],
        *,
        params: CasePath,
        body: CaseMessageCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["case_mark_read"],
        *,
        params: CasePath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["refunds_list"],
        *,
        query: RefundsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["refund_get"], *, params: RefundPath, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["order_refund"],
        *,
        params: OrderPath,
        body: OrderRefundBody | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["disputes_list"],
        *,
        query: DisputesListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["dispute_get"],
        *,
        params: DisputePath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["dispute_evidence_submit"],
        *,
        params: DisputePath,
        body: DisputeEvidenceSubmitBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["usage_record"],
        *,
        body: UsageRecordBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["usage_list"],
        *,
        query: UsageListQuery,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_meters_list"],
        *,
        params: ProductPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_meter_create"],
        *,
        params: ProductPath,
        body: ProductMeterCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_meter_get"],
        *,
        params: ProductMeterPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_meter_update"],
        *,
        params: ProductMeterPath,
        body: ProductMeterUpdateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["product_meter_delete"],
        *,
        params: ProductMeterPath,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["report_create"],
        *,
        body: ReportCreateBody,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["reports_list"],
        *,
        query: ReportsListQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self, operation: Literal["report_get"], *, params: ReportPath, timeout: float | None = None
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["report_download"],
        *,
        params: ReportFormatPath,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Literal["request_logs_list"],
        *,
        query: PageQuery | None = None,
        timeout: float | None = None,
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> R_co: ...
