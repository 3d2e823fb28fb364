"""Registrations of webhook endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pandabase_django.api.reading import Fields
from pandabase_django.api.schemas.base import Parsed
from pandabase_django.exceptions import ProtocolError

__all__ = ["NewWebhook", "Webhook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Parsed):
    """A registration of a webhook endpoint (P-35)."""

    id: str
    url: str | None
    note: str | None
    enabled: bool | None
    event_types: tuple[str, ...]
    signature_version: str | None
    created_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> Webhook:
        f = Fields(data, kind="webhook")
        return cls(
            id=f.identifier(kind="webhook"),
            url=f.text("url"),
            note=f.text("note"),
            enabled=f.boolean("isEnabled"),
            event_types=tuple(str(name) for name in f.items("eventTypes") or ()),
            signature_version=f.text("signatureVersion"),
            created_at=f.time("createdAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


class NewWebhook:
    """The answer to a registration; ``reveal`` gives the signing secret, nothing else shows it."""

    __slots__ = ("_reveal", "webhook")

    def __init__(self, webhook: Webhook, *, reveal: Callable[[], str]) -> None:
        self.webhook = webhook
        self._reveal = reveal

    def __repr__(self) -> str:
        return f"<NewWebhook {self.webhook.id} ••••>"

    def reveal(self) -> str:
        """The signing secret. Pass it on; don't keep it in a variable."""
        return self._reveal()

    @classmethod
    def from_json(cls, data: object) -> NewWebhook:
        """Read the answer to a registration.

        Raises:
            ProtocolError: It has no id, or no secret.
        """
        webhook = Webhook.from_json(data)
        if not isinstance(data, dict) or not isinstance(data.get("secret"), str):
            raise ProtocolError("The registration was answered without a signing secret.")
        return cls(webhook, reveal=lambda: str(data["secret"]))
