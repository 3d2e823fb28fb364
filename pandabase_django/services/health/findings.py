"""What a finding is, and the facts that the checks share so that each is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import (
    ApiToken,
    RemoteOutage,
    RotationAttempt,
    Store,
    SyncCursor,
    SyncRun,
    TaskTick,
)
from pandabase_django.models.sync import Resource
from pandabase_django.services.health.ticks import last_ticks, missed
from pandabase_django.services.sync.outages import host_of
from pandabase_django.services.sync.runs import READ_SELDOM, RESOURCES

__all__ = ["UNFINISHED", "Check", "Counted", "Finding", "Level", "Situation", "of_counts"]

# What the run before such a one ended with may hold still.
UNFINISHED = (SyncRun.State.RUNNING, SyncRun.State.POSTPONED, SyncRun.State.CANCELLED)


class Level(Enum):
    """How much a finding matters."""

    ERROR = "error"  # something does not work
    WARNING = "warning"  # something soon will not, or works in part
    NOTE = "note"  # worth knowing; nothing is wrong
    OK = "ok"  # looked at, and as it should be


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on the state of the app, and what to do about it.

    Attributes:
        code: Stable, for scripts: ``token_suspect``.
        level: How much it matters.
        sentence: What is so, for a person, in the active language.
        fix: What to do; "" when nothing is to be done.
        url_name: Name of the admin page where it is done, without the site's namespace; "" when
            it is not done in the admin.
        url_args: Arguments of that page, as they are in the database.
        store_id: The store it is about; "" for the installation as a whole.
    """

    code: str
    level: Level
    sentence: str
    fix: str = ""
    url_name: str = ""
    url_args: tuple[str, ...] = ()
    store_id: str = ""


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
    store_id: str, counted: Iterable[Counted], *, url_name: str, **values: object
) -> Iterator[Finding]:
    """Findings of what was counted in one store.

    Args:
        store_id: The store.
        counted: The counts.
        url_name: Name of the admin page that lists what was counted.
        values: What the sentences name as well.
    """
    for one in counted:
        if one.number:
            named = {"number": one.number, "store": store_id, **values}
            yield Finding(
                code=one.code,
                level=one.level,
                sentence=one.sentence % named,
                fix=one.fix,
                url_name=url_name,
                store_id=store_id,
            )


class Situation:
    """What the checks look at. Each fact is read from the database at most once.

    Args:
        stores: The stores to look at; None takes all. Pages give those a person may see.
        broker: Asks the broker and returns what is wrong, "" when nothing is. None leaves it
            out: it waits for a network, which a page must not.
        thorough: Look also at what costs a reading of whole tables.
    """

    def __init__(
        self,
        *,
        stores: Iterable[Store] | None = None,
        broker: Callable[[], str] | None = None,
        thorough: bool = False,
    ) -> None:
        self.now: datetime = timezone.now()
        self.broker = broker
        self.thorough = thorough
        self._stores = stores

    @cached_property
    def stores(self) -> list[Store]:
        """The stores to look at, in order."""
        return list(Store.objects.all() if self._stores is None else self._stores)

    @cached_property
    def enabled(self) -> dict[str, Store]:
        """Those that scheduled syncs read."""
        return {store.pk: store for store in self.stores if store.enabled}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {store.pk: str(store) for store in self.stores}

    def name_of(self, store_id: str) -> str:
        """What a store is called in a finding."""
        return self._names.get(store_id, store_id)

    @cached_property
    def tokens(self) -> list[ApiToken]:
        """Tokens in use of these stores, with their permissions."""
        found = ApiToken.objects.usable().filter(store__in=[store.pk for store in self.stores])
        return list(found.defer("secret").select_related("store").prefetch_related("permissions"))

    @cached_property
    def active_tokens(self) -> dict[str, ApiToken]:
        """The token each store is called with, by store."""
        return {t.store_id: t for t in self.tokens if t.is_active}

    @cached_property
    def uncallable(self) -> frozenset[str]:
        """Stores in use without a token that Pandabase accepts: nothing of them can be read."""
        suspect = ApiToken.Health.SUSPECT
        return frozenset(
            pk
            for pk in self.enabled
            if pk not in self.active_tokens or self.active_tokens[pk].health == suspect
        )

    @cached_property
    def cursors(self) -> dict[tuple[str, str], SyncCursor]:
        """How far each sync is, by store and resource."""
        return {
            (cursor.store_id, cursor.resource): cursor
            for cursor in SyncCursor.objects.filter(
                store__in=[store.pk for store in self.stores]
            ).defer("checkpoint")
        }

    @cached_property
    def latest_runs(self) -> dict[tuple[str, str], SyncRun]:
        """The newest run of each store and resource."""
        newest = SyncRun.objects.filter(
            store=OuterRef("store"), resource=OuterRef("resource")
        ).order_by("-id")
        ids = SyncCursor.objects.filter(store__in=[store.pk for store in self.stores]).annotate(
            newest=Subquery(newest.values("pk")[:1])
        )
        runs = SyncRun.objects.filter(pk__in=ids.values("newest")).defer("warnings", "steps")
        return {(run.store_id, run.resource): run for run in runs}

    @cached_property
    def before_unfinished(self) -> dict[tuple[str, str], SyncRun]:
        """Of stores and resources whose newest run has not come to its end, the last that has."""
        newest = (
            SyncRun.objects.filter(store=OuterRef("store"), resource=OuterRef("resource"))
            .exclude(state__in=UNFINISHED)
            .order_by("-id")
        )
        open_ones = [run.pk for run in self.latest_runs.values() if run.state in UNFINISHED]
        ids = SyncRun.objects.filter(pk__in=open_ones).annotate(
            newest=Subquery(newest.values("pk")[:1])
        )
        runs = SyncRun.objects.filter(pk__in=ids.values("newest")).defer("warnings", "steps")
        return {(run.store_id, run.resource): run for run in runs}

    @cached_property
    def running(self) -> list[SyncRun]:
        """Runs under way, the oldest first."""
        runs = SyncRun.objects.filter(
            store__in=[store.pk for store in self.stores], state=SyncRun.State.RUNNING
        )
        return list(runs.defer("warnings", "steps").order_by("id"))

    @cached_property
    def open_rotations(self) -> list[RotationAttempt]:
        """Rotations that have not ended, the oldest first."""
        of_stores = RotationAttempt.objects.filter(
            token__store__in=[store.pk for store in self.stores]
        )
        attempts = of_stores.real().open()
        return list(
            attempts.defer("reply", "token__secret")
            .select_related("token__store")
            .order_by("prepared_at")
        )

    @cached_property
    def ticks(self) -> dict[str, datetime]:
        """When each scheduled task last ran."""
        return last_ticks(self._ticks)

    @cached_property
    def missed(self) -> dict[str, datetime]:
        """Scheduled tasks that should have run since, with the time of their last run."""
        return missed(self._ticks, now=self.now)

    @cached_property
    def _ticks(self) -> list[TaskTick]:
        return list(TaskTick.objects.order_by("task"))

    @cached_property
    def outages(self) -> dict[str, RemoteOutage]:
        """Hosts of these stores that do not answer, by store."""
        interval = timedelta(seconds=conf.sync_interval_seconds)
        late = [
            cursor
            for cursor in self.cursors.values()
            if cursor.last_completed_at and self.now - cursor.last_completed_at > interval
        ]
        failed = [r for r in self.latest_runs.values() if r.state == SyncRun.State.FAILED]
        if not late and not failed:
            return {}
        away = {row.host: row for row in RemoteOutage.objects.filter(everywhere=True)}
        hosts = {pk: host_of(token.base_url) for pk, token in self.active_tokens.items()}
        return {pk: away[host] for pk, host in hosts.items() if host in away}

    @property
    def resources(self) -> Sequence[Resource]:
        """What each store is to have read once."""
        return RESOURCES

    def read_seldom(self, store_id: str) -> Sequence[Resource]:
        """What is read some times a day, of what this store has ever read and may read now."""
        return [
            resource
            for resource in READ_SELDOM
            if (cursor := self.cursors.get((store_id, resource))) is not None
            and cursor.first_completed_at is not None
            and not self._is_skipped(store_id, resource)
        ]

    def _is_skipped(self, store_id: str, resource: str) -> bool:
        run = self.latest_runs.get((store_id, resource))
        return run is not None and run.state == SyncRun.State.SKIPPED


Check = Callable[[Situation], Iterable[Finding]]
