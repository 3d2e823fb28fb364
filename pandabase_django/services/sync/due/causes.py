"""What asked for the details of an order, as it is kept with the order until an answer shows it.

There are two kinds. A list showed the order otherwise than before: then its row is kept. Or a
refund, a dispute or a webhook reported: then what that says of the order, and when, is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

__all__ = ["LAG_AT_MOST", "Cause", "Shown"]

# No replica answers later than this. What is asked for so long after its cause is believed.
LAG_AT_MOST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Shown:
    """How something else than its own answer shows an order.

    Attributes:
        order: What was shown, by the remote's names.
        at: When, by our clock.
        given_up: The details did not come to agree with it in time, and were believed.
    """

    order: Mapping[str, Any]
    at: datetime
    given_up: bool = False

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> Shown | None:
        """What an order's row keeps."""
        if kept is None:
            return None
        at = datetime.fromisoformat(kept["at"])
        return cls(order=kept["order"], at=at, given_up=bool(kept.get("given_up")))

    def to_json(self) -> dict[str, Any]:
        """What is kept in an order's row."""
        return {"order": self.order, "at": self.at.isoformat(), "given_up": self.given_up}

    def is_open(self, *, asked_at: datetime) -> bool:
        """Whether an answer that was asked for at that time may be from before it."""
        return not self.given_up and asked_at - self.at < LAG_AT_MOST


@dataclass(frozen=True, slots=True)
class Cause:
    """A refund, a dispute or an event about an order.

    Attributes:
        seen_at: When it was read, by our clock.
        since: A time of the remote's; what happened did so then or later. None: not known.
        event: What happened, as webhooks call it; empty when that is not known.
        event_at: When, by the remote's clock; None when it is not known exactly.
        order: What it shows of the order.
        unseen_at: When it had not been seen yet, by our clock; None: not known.
    """

    seen_at: datetime
    since: datetime | None = None
    event: str = ""
    event_at: datetime | None = None
    order: Mapping[str, Any] = field(default_factory=dict)
    unseen_at: datetime | None = None

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> Cause | None:
        """What an order's row keeps."""
        if kept is None:
            return None
        return cls(
            seen_at=datetime.fromisoformat(kept["seen_at"]),
            since=_time(kept["since"]),
            event=kept["event"],
            event_at=_time(kept["event_at"]),
            order=kept["order"],
            unseen_at=_time(kept["unseen_at"]),
        )

    def to_json(self) -> dict[str, Any]:
        """What is kept in an order's row."""
        return {
            "seen_at": self.seen_at.isoformat(),
            "since": self.since and self.since.isoformat(),
            "event": self.event,
            "event_at": self.event_at and self.event_at.isoformat(),
            "order": self.order,
            "unseen_at": self.unseen_at and self.unseen_at.isoformat(),
        }

    @property
    def is_vague(self) -> bool:
        """It shows that something happened, but neither what nor when."""
        return self.since is None and not self.event

    def is_open(self, *, asked_at: datetime) -> bool:
        """Whether an answer that was asked for at that time may be from before it."""
        return asked_at - self.seen_at < LAG_AT_MOST

    def outweighs(self, other: Cause | None) -> bool:
        """Whether it is to be kept in the place of another one that is kept already."""
        if other is None or not other.is_open(asked_at=self.seen_at):
            return True
        if self.since is None or other.since is None:
            return other.is_vague or not self.is_vague
        return self.since >= other.since


def _time(kept: str | None) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None
