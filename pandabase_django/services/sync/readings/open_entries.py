"""Entries of a list that may still change without coming to its top, such as a refund under way.

They are asked for by their statuses. Known ones that are no longer among them have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Protocol

from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import PandabaseError
from pandabase_django.services.sync.mirror.resource import Due, Resource
from pandabase_django.services.sync.mirror.writing import read_again
from pandabase_django.services.sync.readings.known import Known, status_of
from pandabase_django.services.sync.run.context import RunContext

__all__ = ["OpenEntries"]


class Fetch(Protocol):
    """Asks for one page, in a thread of the reader's."""

    def __call__(self, number: int, **filters: str) -> Page[Any]: ...


class OpenEntries:
    """The open entries of one look at one list.

    Args:
        context: The run.
        resource: What is read.
        fetch: Asks for a page of the list.
        statuses: Those that are left again, in the order in which entries pass through them.
    """

    def __init__(
        self, context: RunContext, resource: Resource[Any], fetch: Fetch, statuses: Sequence[str]
    ) -> None:
        self._context = context
        self._resource = resource
        self._fetch = fetch
        self._statuses = statuses
        self._asked: Iterator[Page[Any]] | None = None
        self._met: dict[str, str] = {}

    def ask(self) -> None:
        """Send what ``shown`` begins with."""
        self._asked = self._pages()

    def shown(self) -> dict[str, str]:
        """The entries that are open now, with what they belong to."""
        pages, self._asked = self._asked or self._pages(), None
        belongs_to = self._resource.belongs_to
        return {item.id: belongs_to(item) for page in pages for item in page.items}

    def met(self, items: Iterable[Any]) -> dict[str, str]:
        """Those of these items that are open, with what they belong to; they stay known as such."""
        belongs_to = self._resource.belongs_to
        found = {item.id: belongs_to(item) for item in items if status_of(item) in self._statuses}
        self._met.update(found)
        return found

    def settle(self, known: Known, *, make_due: Callable[[Due], None], counted: bool) -> None:
        """Read known entries that are open no longer.

        Args:
            known: What is known of the list; the open ones are replaced.
            make_due: Makes due what such entries belong to.
            counted: The rows are counted by this run.
        """
        shown = self.shown()
        met, self._met = self._met, {}
        decided = {pk: owner for pk, owner in known.undecided.items() if pk not in shown}
        # Some of them are named already, by what the newest page shows.
        make_due(dict.fromkeys({*decided.values()} - {""}, ()))
        answered: Mapping[str, Any] = {}
        if self._resource.model:
            answered = read_again(
                self._context, self._resource, decided, silent=True, counted=counted
            )
        # Answers may be of different moments: what one of them shows as open is looked for again.
        open_still = {
            pk: decided[pk]
            for pk, answer in answered.items()
            if isinstance(answer, PandabaseError) or status_of(answer) in self._statuses
        }
        known.undecided = {**open_still, **met, **shown}

    def _pages(self) -> Iterator[Page[Any]]:
        """Ask for one status after the other, in the order in which entries pass through them.

        Asked for together, an entry that moves on meanwhile could be in neither answer.
        """
        if not self._statuses:
            return iter(())
        pages = self._context.reader.pages
        begun, *later = (partial(self._fetch, status=status) for status in self._statuses)
        first = pages(begun)
        return chain(first, (page for fetch in later for page in pages(fetch)))
