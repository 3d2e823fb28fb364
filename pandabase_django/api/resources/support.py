"""Cases, webhooks and request logs.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.listing import MAX_PAGE_SIZE, Caller, Listing, Lists
from pandabase_django.api.params import (
    CaseMessageCreateBody,
    CasesListFilters,
    CaseUpdateBody,
    WebhookCreateBody,
    WebhookUpdateBody,
)
from pandabase_django.api.resources.base import Namespace
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Cases", "RequestLogs", "Webhooks"]


class Cases(Namespace):
    """Cases: what customers ask (Source: P-55)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Case] = Lists(
            client, "cases_list", "case_get", schemas.Case.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CasesListFilters],
    ) -> Page[schemas.Case]:
        """One page of cases; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CasesListFilters],
    ) -> Iterator[schemas.Case]:
        """Every case from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CasesListFilters],
    ) -> Iterator[Page[schemas.Case]]:
        """Every page of cases from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, case_id: str, *, timeout: float | None = None) -> schemas.Case:
        """One case by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(case_id, timeout=timeout)

    def update(
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
        reply = self._ask(
            "case_update",
            params={"case_id": case_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Case.from_json, reply)

    def mark_read(
        self, case_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Mark a case as read.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._ask(
            "case_mark_read",
            params={"case_id": case_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def messages(
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
        found = Listing(
            self._client,
            "case_messages_list",
            schemas.CaseMessage.from_json,
            params={"case_id": case_id},
            texts=True,
        )
        return found.list(page=page, limit=limit, timeout=timeout)

    def send(
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
        reply = self._ask(
            "case_message_create",
            params={"case_id": case_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.CaseMessage.from_json, reply)


class Webhooks(Namespace):
    """Registrations of webhook endpoints (Source: P-35)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Webhook] = Lists(
            client, "webhooks_list", "webhook_get", schemas.Webhook.from_json
        )

    def list(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Page[schemas.Webhook]:
        """One page of webhooks; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout)

    def iterate(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Iterator[schemas.Webhook]:
        """Every registration from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout)

    def pages(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Iterator[Page[schemas.Webhook]]:
        """Every page of webhooks from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout)

    def get(self, webhook_id: str, *, timeout: float | None = None) -> schemas.Webhook:
        """One registration by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(webhook_id, timeout=timeout)

    def create(
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
        reply = self._ask(
            "webhook_create", body=body, idempotency_key=idempotency_key, timeout=timeout
        )
        return self._one(schemas.NewWebhook.from_json, reply)

    def update(
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
        reply = self._ask(
            "webhook_update",
            params={"webhook_id": webhook_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Webhook.from_json, reply)

    def delete(
        self, webhook_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a registration; its deliveries end.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._ask(
            "webhook_delete",
            params={"webhook_id": webhook_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )


class RequestLogs(Namespace):
    """What was asked with the store's tokens (Source: P-18)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Listing[schemas.RequestLogEntry] = Listing(
            client, "request_logs_list", schemas.RequestLogEntry.from_json, texts=True
        )

    def list(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Page[schemas.RequestLogEntry]:
        """One page of request logs; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout)

    def iterate(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Iterator[schemas.RequestLogEntry]:
        """Every request from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout)

    def pages(
        self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None
    ) -> Iterator[Page[schemas.RequestLogEntry]]:
        """Every page of request logs from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout)
