"""Bodies, filters and paths: payouts, the ledger, analytics and reports. Amounts are minor units.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict

__all__ = [
    "AnalyticsGrossVolumeFilters",
    "AnalyticsGrossVolumeQuery",
    "AnalyticsOrdersByCountryFilters",
    "AnalyticsOrdersByCountryQuery",
    "AnalyticsOverviewFilters",
    "AnalyticsOverviewQuery",
    "LedgerListFilters",
    "LedgerListQuery",
    "PayoutPath",
    "PayoutsListQuery",
    "ReportCreateBody",
    "ReportFormatPath",
    "ReportPath",
    "ReportsListFilters",
    "ReportsListQuery",
]


class AnalyticsOverviewQuery(TypedDict, total=False):
    """Query of ``analytics_overview``."""

    period: Literal["1d", "3d", "7d", "30d", "90d", "all", "custom"]
    startDate: datetime | str
    endDate: datetime | str
    granularity: Literal["hour", "day"]


class AnalyticsOverviewFilters(TypedDict, total=False):
    """Filters of the method for ``analytics_overview``."""

    period: Literal["1d", "3d", "7d", "30d", "90d", "all", "custom"]
    start_date: datetime | str
    end_date: datetime | str
    granularity: Literal["hour", "day"]


class AnalyticsGrossVolumeQuery(TypedDict, total=False):
    """Query of ``analytics_gross_volume``."""

    period: Literal["1d", "3d", "7d", "30d", "90d", "all", "custom"]
    startDate: datetime | str
    endDate: datetime | str
    granularity: Literal["hour", "day"]


class AnalyticsGrossVolumeFilters(TypedDict, total=False):
    """Filters of the method for ``analytics_gross_volume``."""

    period: Literal["1d", "3d", "7d", "30d", "90d", "all", "custom"]
    start_date: datetime | str
    end_date: datetime | str
    granularity: Literal["hour", "day"]


class AnalyticsOrdersByCountryQuery(TypedDict, total=False):
    """Query of ``analytics_orders_by_country``."""

    period: Literal["1d", "3d", "7d", "30d", "90d", "all", "custom"]
    startDate: datetime | str
    endDate: datetime | str
    granularity: Literal["hour", "day"]


class AnalyticsOrdersByCountryFilters(TypedDict, total=False):
    """Filters of the method for ``analytics_orders_by_country``."""

    period: Literal["1d", "3d", "7d", "30d", "90d", "all", "custom"]
    start_date: datetime | str
    end_date: datetime | str
    granularity: Literal["hour", "day"]


class PayoutsListQuery(TypedDict, total=False):
    """Query of ``payouts_list``."""

    page: int
    limit: int


class PayoutPath(TypedDict):
    """What the path of ``payout_get`` names."""

    payout_id: str


class LedgerListQuery(TypedDict, total=False):
    """Query of ``ledger_list``."""

    page: int
    limit: int
    type: (
        Literal[
            "OPENING_BALANCE",
            "PAYMENT_RECEIVED",
            "REFUND_INSTANT",
            "REFUND_ASYNC",
            "REFUND_EXTERNAL",
            "DISPUTE_CREATED",
            "DISPUTE_WON",
            "PAYOUT",
        ]
        | str
    )


class LedgerListFilters(TypedDict, total=False):
    """Filters of the method for ``ledger_list``."""

    type: (
        Literal[
            "OPENING_BALANCE",
            "PAYMENT_RECEIVED",
            "REFUND_INSTANT",
            "REFUND_ASYNC",
            "REFUND_EXTERNAL",
            "DISPUTE_CREATED",
            "DISPUTE_WON",
            "PAYOUT",
        ]
        | str
    )


class _ReportCreateBody(TypedDict):
    type: Literal["PAYMENT_ACTIVITY", "PAYOUT_RECONCILIATION", "BALANCE_LEDGER", "REFUNDS_DISPUTES"]
    periodStart: str
    periodEnd: str


class ReportCreateBody(_ReportCreateBody, total=False):
    """Body of ``report_create``."""

    formats: Sequence[Literal["CSV", "JSON"]]


class ReportsListQuery(TypedDict, total=False):
    """Query of ``reports_list``."""

    page: int
    limit: int
    status: Literal["PENDING", "PROCESSING", "SUCCEEDED", "FAILED"]
    type: Literal["PAYMENT_ACTIVITY", "PAYOUT_RECONCILIATION", "BALANCE_LEDGER", "REFUNDS_DISPUTES"]


class ReportsListFilters(TypedDict, total=False):
    """Filters of the method for ``reports_list``."""

    status: Literal["PENDING", "PROCESSING", "SUCCEEDED", "FAILED"]
    type: Literal["PAYMENT_ACTIVITY", "PAYOUT_RECONCILIATION", "BALANCE_LEDGER", "REFUNDS_DISPUTES"]


class ReportPath(TypedDict):
    """What the path of ``report_get`` names."""

    report_id: str


class ReportFormatPath(TypedDict):
    """What the path of ``report_download`` names."""

    report_id: str
    format: Literal["csv", "json"]
