"""Registrations of webhook endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pandabase_django.api.schemas.base import Parsed
from pandabase_django.api.schemas.declared import boolean, identifier, shown, text, time
from pandabase_django.exceptions import ProtocolError

__all__ = ["NewWebhook", "Webhook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Parsed):
    """A registration of a webhook endpoint (P-35)."""

    kind: ClassVar[str] = "webhook"
    id: str = identifier("webhook")
    url: str | None = text("url")
    note: str | None = text("note")
    enabled: bool | None = boolean("isEnabled")
    event_types: tuple[str, ...] = shown(
        "eventTypes", read=lambda f, name: tuple(str(one) for one in f.items(name) or ())
    )
    signature_version: str | None = text("signatureVersion")
    created_at: datetime | None = time("createdAt")


class NewWebhook:
    """The answer to a registration; ``reveal`` gives the signing secret, nothing else shows it."""

    __slots__ = ("_reveal", "webhook")

    def __init__(self, webhook: Webhook, *, reveal: Callable[[], str]) -> None:
        self.webhook: Webhook = webhook
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
            ProtocolError: It has no id, or no secret; names the registration, where it has an id.
        """
        reveal = _revealing(data)
        try:
            webhook, problem = Webhook.from_json(data), ""
        except ProtocolError as error:
            webhook, problem = None, error.message
        # Reports show the variables of every frame that an error went through.
        del data
        if webhook is None:
            raise ProtocolError(problem)
        if reveal is None:
            raise ProtocolError(
                "The registration was answered without a signing secret.", created_id=webhook.id
            )
        return cls(webhook, reveal=reveal)


def _revealing(data: object) -> Callable[[], str] | None:
    if not isinstance(data, dict) or not isinstance(data.get("secret"), str):
        return None
    return lambda: str(data["secret"])
