"""Findings of what a check counted in each store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pandabase_django.services.health.findings import Finding, Level, Situation

__all__ = ["Counted", "of_counts"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a check counted in one store; a finding unless the number is 0.

    Attributes:
        code: As a finding has it.
        level: As a finding has it.
        number: How many.
        sentence: With ``%(number)s`` and ``%(store)s``, and what else ``of_counts`` gets.
        fix: As a finding has it.
    """

    code: str
    level: Level
    number: int
    sentence: str
    fix: str


def of_counts(
    situation: Situation,
    store_id: str,
    counted: Iterable[Counted],
    *,
    url_name: str,
    **values: object,
) -> Iterator[Finding]:
    """Findings of what was counted in one store.

    Args:
        situation: Knows what the store is called.
        store_id: The store.
        counted: The counts.
        url_name: Name of the admin page that lists what was counted.
        values: What the sentences name as well.
    """
    for one in counted:
        if one.number:
            named = {"number": one.number, "store": situation.name_of(store_id), **values}
            yield Finding(
                code=one.code,
                level=one.level,
                sentence=one.sentence % named,
                fix=one.fix,
                url_name=url_name,
                store_id=store_id,
            )
