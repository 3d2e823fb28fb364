"""Payouts, the ledger, analytics and reports.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pandabase_django.api import schemas
from pandabase_django.api.listing import MAX_PAGE_SIZE, Caller, Listing, Lists
from pandabase_django.api.params import (
    AnalyticsGrossVolumeFilters,
    AnalyticsOrdersByCountryFilters,
    AnalyticsOverviewFilters,
    LedgerListFilters,
    ReportCreateBody,
    ReportsListFilters,
)
from pandabase_django.api.resources.base import Namespace
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Analytics", "Ledger", "Payouts", "Reports"]


class Payouts(Namespace):
    """Payouts, and the accounts they go to."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Payout] = Lists(
            client, "payouts_list", "payout_get", schemas.Payout.from_json
        )

    def list(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Page[schemas.Payout]:
        """One page of payouts; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout)

    def iterate(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Iterator[schemas.Payout]:
        """Every payout from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout)

    def pages(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Iterator[Page[schemas.Payout]]:
        """Every page of payouts from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout)

    def get(self, payout_id: str, *, timeout: float | None = None) -> schemas.Payout:
        """One payout by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(payout_id, timeout=timeout)

    def bank_accounts(self, *, timeout: float | None = None) -> tuple[schemas.BankAccount, ...]:
        """The accounts that payouts go to: a list without pages.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("bank_accounts_list", timeout=timeout)
        return self._many(schemas.BankAccount.from_json, reply)


class Ledger(Namespace):
    """Movements of the balance; the list only grows (Source: P-23)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Listing[schemas.LedgerEntry] = Listing(
            client, "ledger_list", schemas.LedgerEntry.from_json, texts=True
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LedgerListFilters],
    ) -> Page[schemas.LedgerEntry]:
        """One page of ledger; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LedgerListFilters],
    ) -> Iterator[schemas.LedgerEntry]:
        """Every movement from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LedgerListFilters],
    ) -> Iterator[Page[schemas.LedgerEntry]]:
        """Every page of ledger from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)


class Analytics(Namespace):
    """Figures of a period."""

    def overview(
        self, *, timeout: float | None = None, **filters: Unpack[AnalyticsOverviewFilters]
    ) -> schemas.Overview:
        """What was sold in a period.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("analytics_overview", timeout=timeout, filters=filters)
        return self._one(schemas.Overview.from_json, reply)

    def gross_volume(
        self, *, timeout: float | None = None, **filters: Unpack[AnalyticsGrossVolumeFilters]
    ) -> schemas.GrossVolume:
        """The gross volume over time.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("analytics_gross_volume", timeout=timeout, filters=filters)
        return self._one(schemas.GrossVolume.from_json, reply)

    def orders_by_country(
        self, *, timeout: float | None = None, **filters: Unpack[AnalyticsOrdersByCountryFilters]
    ) -> tuple[schemas.CountrySales, ...]:
        """What was sold to each country.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("analytics_orders_by_country", timeout=timeout, filters=filters)
        return self._many(schemas.CountrySales.from_json, reply)


class Reports(Namespace):
    """Reports to download (Source: P-54)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Report] = Lists(
            client, "reports_list", "report_get", schemas.Report.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ReportsListFilters],
    ) -> Page[schemas.Report]:
        """One page of reports; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ReportsListFilters],
    ) -> Iterator[schemas.Report]:
        """Every report from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ReportsListFilters],
    ) -> Iterator[Page[schemas.Report]]:
        """Every page of reports from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, report_id: str, *, timeout: float | None = None) -> schemas.Report:
        """One report by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(report_id, timeout=timeout)

    def create(
        self,
        body: ReportCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Report:
        """Ask for a report.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "report_create", body=body, idempotency_key=idempotency_key, timeout=timeout
        )
        return self._one(schemas.Report.from_json, reply)

    def download(
        self, report_id: str, format: Literal["csv", "json"], *, timeout: float | None = None
    ) -> schemas.ReportDownload:
        """Where a finished report can be downloaded, for five minutes.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "report_download", params={"report_id": report_id, "format": format}, timeout=timeout
        )
        return self._one(schemas.ReportDownload.from_json, reply)
