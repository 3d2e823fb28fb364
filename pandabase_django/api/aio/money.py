"""Payouts, the ledger, analytics and reports.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

from pandabase_django.api import schemas
from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.listing import MAX_PAGE_SIZE
from pandabase_django.api.params import (
    AnalyticsGrossVolumeFilters,
    AnalyticsOrdersByCountryFilters,
    AnalyticsOverviewFilters,
    LedgerListFilters,
    ReportCreateBody,
    ReportsListFilters,
)
from pandabase_django.api.resources import Analytics, Ledger, Payouts, Reports
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AsyncAnalytics", "AsyncLedger", "AsyncPayouts", "AsyncReports"]


class AsyncPayouts(AsyncNamespace[Payouts]):
    """Payouts, and the accounts they go to."""

    async def list(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Page[schemas.Payout]:
        """One page of payouts; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout)

    def iterate(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> AsyncIterator[schemas.Payout]:
        """Every payout from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout))

    def pages(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> AsyncIterator[Page[schemas.Payout]]:
        """Every page of payouts from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout))

    async def get(self, payout_id: str, *, timeout: float | None = None) -> schemas.Payout:
        """One payout by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, payout_id, timeout=timeout)

    async def bank_accounts(
        self, *, timeout: float | None = None
    ) -> tuple[schemas.BankAccount, ...]:
        """The accounts that payouts go to: a list without pages.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.bank_accounts, timeout=timeout)


class AsyncLedger(AsyncNamespace[Ledger]):
    """Movements of the balance; the list only grows (Source: P-23)."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LedgerListFilters],
    ) -> Page[schemas.LedgerEntry]:
        """One page of ledger; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LedgerListFilters],
    ) -> AsyncIterator[schemas.LedgerEntry]:
        """Every movement from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[LedgerListFilters],
    ) -> AsyncIterator[Page[schemas.LedgerEntry]]:
        """Every page of ledger from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))


class AsyncAnalytics(AsyncNamespace[Analytics]):
    """Figures of a period."""

    async def overview(
        self, *, timeout: float | None = None, **filters: Unpack[AnalyticsOverviewFilters]
    ) -> schemas.Overview:
        """What was sold in a period.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.overview, timeout=timeout, **filters)

    async def gross_volume(
        self, *, timeout: float | None = None, **filters: Unpack[AnalyticsGrossVolumeFilters]
    ) -> schemas.GrossVolume:
        """The gross volume over time.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.gross_volume, timeout=timeout, **filters)

    async def orders_by_country(
        self, *, timeout: float | None = None, **filters: Unpack[AnalyticsOrdersByCountryFilters]
    ) -> tuple[schemas.CountrySales, ...]:
        """What was sold to each country.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.orders_by_country, timeout=timeout, **filters)


class AsyncReports(AsyncNamespace[Reports]):
    """Reports to download (Source: P-54)."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ReportsListFilters],
    ) -> Page[schemas.Report]:
        """One page of reports; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ReportsListFilters],
    ) -> AsyncIterator[schemas.Report]:
        """Every report from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ReportsListFilters],
    ) -> AsyncIterator[Page[schemas.Report]]:
        """Every page of reports from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, report_id: str, *, timeout: float | None = None) -> schemas.Report:
        """One report by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, report_id, timeout=timeout)

    async def create(
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
        return await self._run(
            self._sync.create, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def download(
        self, report_id: str, format: Literal["csv", "json"], *, timeout: float | None = None
    ) -> schemas.ReportDownload:
        """Where a finished report can be downloaded, for five minutes.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.download, report_id, format, timeout=timeout)
