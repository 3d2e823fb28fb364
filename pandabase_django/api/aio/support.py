"""Cases, webhooks and request logs.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.listing import MAX_PAGE_SIZE
from pandabase_django.api.params import (
    CaseMessageCreateBody,
    CasesListFilters,
    CaseUpdateBody,
    WebhookCreateBody,
    WebhookUpdateBody,
)
from pandabase_django.api.resources import Cases, RequestLogs, Webhooks
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AsyncCases", "AsyncRequestLogs", "AsyncWebhooks"]


class AsyncCases(AsyncNamespace[Cases]):
    """Cases: what customers ask (Source: P-55)."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CasesListFilters],
    ) -> Page[schemas.Case]:
        """One page of cases; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CasesListFilters],
    ) -> AsyncIterator[schemas.Case]:
        """Every case from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CasesListFilters],
    ) -> AsyncIterator[Page[schemas.Case]]:
        """Every page of cases from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, case_id: str, *, timeout: float | None = None) -> schemas.Case:
        """One case by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, case_id, timeout=timeout)

    async def update(
        self,
        case_id: str,
        body: CaseUpdateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Case:
        """Change priority or status.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.update, case_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def mark_read(
        self, case_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Mark a case as read.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        await self._run(
            self._sync.mark_read, case_id, idempotency_key=idempotency_key, timeout=timeout
        )

    async def messages(
        self,
        case_id: str,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
    ) -> Page[schemas.CaseMessage]:
        """One page of a case's messages.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.messages, case_id, page=page, limit=limit, timeout=timeout
        )

    async def send(
        self,
        case_id: str,
        body: CaseMessageCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.CaseMessage:
        """Answer in a case.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.send, case_id, body, idempotency_key=idempotency_key, timeout=timeout
        )


class AsyncWebhooks(AsyncNamespace[Webhooks]):
    """Registrations of webhook endpoints (Source: P-35)."""

    async def list(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Page[schemas.Webhook]:
        """One page of webhooks; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout)

    def iterate(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> AsyncIterator[schemas.Webhook]:
        """Every registration from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout))

    def pages(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> AsyncIterator[Page[schemas.Webhook]]:
        """Every page of webhooks from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout))

    async def get(self, webhook_id: str, *, timeout: float | None = None) -> schemas.Webhook:
        """One registration by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, webhook_id, timeout=timeout)

    async def create(
        self,
        body: WebhookCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.NewWebhook:
        """Make a registration, in the remote's own field names.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.create, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def update(
        self,
        webhook_id: str,
        body: WebhookUpdateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Webhook:
        """Change some fields of a registration.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(
            self._sync.update, webhook_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def delete(
        self, webhook_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a registration; its deliveries end.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        await self._run(
            self._sync.delete, webhook_id, idempotency_key=idempotency_key, timeout=timeout
        )


class AsyncRequestLogs(AsyncNamespace[RequestLogs]):
    """What was asked with the store's tokens (Source: P-18)."""

    async def list(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Page[schemas.RequestLogEntry]:
        """One page of request logs; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout)

    def iterate(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> AsyncIterator[schemas.RequestLogEntry]:
        """Every request from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout))

    def pages(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> AsyncIterator[Page[schemas.RequestLogEntry]]:
        """Every page of request logs from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout))
