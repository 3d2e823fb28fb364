"""The usage events that were accepted, as the store keeps them. Source: P-52."""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

from pandabase_django.sandbox.store.shapes import Json

__all__ = ["Usage"]


class Usage:
    """Events by subscription, in the order in which they arrived."""

    KEPT: ClassVar[tuple[str, ...]] = ("events", "metered", "_seen")

    def __init__(self) -> None:
        self.events: dict[str, list[Json]] = defaultdict(list)
        self.metered: set[str] = set()
        """Ids of the meters that anything was reported against."""
        self._seen: set[tuple[str, str]] = set()

    def is_duplicate(self, meter_id: str, external_id: str | None) -> bool:
        """Whether this meter has counted an event of that id, of whichever subscription."""
        return external_id is not None and (meter_id, external_id) in self._seen

    def add(self, event: Json) -> None:
        """Count an event."""
        self.events[event["subscriptionId"]].append(event)
        self.metered.add(event["meterId"])
        if event["externalId"] is not None:
            self._seen.add((event["meterId"], event["externalId"]))

    def remove(self, external_id: str) -> None:
        """As if an event had never arrived, since a test says so."""
        for events in self.events.values():
            events[:] = [one for one in events if one["externalId"] != external_id]
        self._seen = {known for known in self._seen if known[1] != external_id}
