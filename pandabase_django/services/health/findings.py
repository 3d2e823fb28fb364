"""What a finding is, and the facts that the checks share so that each is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, F, OuterRef, Q, Subquery
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
    TokenPermission,
)
from pandabase_django.models.base.lookups import AmongFew
from pandabase_django.models.sync import Resource
from pandabase_django.services.health.ticks import last_ticks, missed
from pandabase_django.services.sync.outages import host_of, scope_of
from pandabase_django.services.sync.runs import READ_SELDOM, RESOURCES
from pandabase_django.services.tokens.holding import is_foreign
from pandabase_django.services.tokens.permissions import Permission, lacking

__all__ = ["UNFINISHED", "Check", "Finding", "Level", "Situation"]

WEEK = timedelta(days=7)

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


class Completed(NamedTuple):
    """What of a cursor says how far the syncs of a store and resource are.

    Attributes:
        once: A run has come to its end.
        last_completed_at: When the last one did; None when none has.
    """

    once: bool
    last_completed_at: datetime | None


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
    def by_id(self) -> dict[str, Store]:
        """The stores to look at, by their ids."""
        return {store.pk: store for store in self.stores}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {store.pk: str(store) for store in self.stores}

    def rows(self, path: str = "store_id", *, of: Iterable[str] | None = None) -> Q:
        """The rows of these stores, for a query.

        Args:
            path: Leads from a row to the id of its store.
            of: Ids of some of these stores; None takes all.
        """
        # One parameter for all of them: hundreds in each query took most of a query's time.
        return Q(AmongFew(F(path), self._ids if of is None else list(of)))

    @cached_property
    def _ids(self) -> list[str]:
        return [store.pk for store in self.stores]

    def name_of(self, store_id: str) -> str:
        """What a store is called in a finding."""
        return self._names.get(store_id, store_id)

    @cached_property
    def tokens(self) -> list[ApiToken]:
        """Tokens in use of these stores."""
        return [token for token in self._tokens if token.is_usable]

    @cached_property
    def _tokens(self) -> list[ApiToken]:
        """Those in use, and disabled ones of another environment."""
        wanted = ~Q(role=ApiToken.Role.RETIRED) | ~Q(environment=conf.environment)
        found = list(ApiToken.objects.filter(wanted, self.rows()).defer("secret", *_UNASKED))
        for token in found:
            token.store = self.by_id[token.store_id]
        return found

    @cached_property
    def permissions(self) -> dict[UUID, list[Permission]]:
        """What is known of the permissions of these tokens, by the token's id."""
        found: dict[UUID, list[Permission]] = {}
        rows = TokenPermission.objects.filter(self.rows("token__store_id")).order_by()
        rows = rows.exclude(token__role=ApiToken.Role.RETIRED)
        columns = "token_id", "code", "declared", "observed"
        for pk, code, declared, observed in rows.values_list(*columns):
            found.setdefault(pk, []).append(Permission(code, declared, observed))
        return found

    def lacks(self, token: ApiToken, codes: Iterable[str]) -> list[str]:
        """Those of the codes that one of these tokens is known to lack."""
        return lacking(self.permissions.get(token.pk, ()), codes)

    @cached_property
    def active_tokens(self) -> dict[str, ApiToken]:
        """The token each store is called with, by store."""
        return {t.store_id: t for t in self.tokens if t.is_active}

    @cached_property
    def foreign(self) -> list[ApiToken]:
        """Tokens in use that are of another environment, and are not used here."""
        return [token for token in self.tokens if is_foreign(token)]

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        """Stores of another environment, of which nothing is asked from here."""
        # The rule of ``stores_elsewhere``, without a query of its own: each page asks for this.
        foreign = {token.store_id for token in self._tokens if is_foreign(token)}
        at_home = (pk for pk, token in self.active_tokens.items() if not is_foreign(token))
        return frozenset(foreign.difference(at_home))

    @cached_property
    def held_back(self) -> frozenset[str]:
        """Stores for which nothing is sent from here: what waits is no fault."""
        return frozenset(self._ids) if conf.read_only else self.elsewhere

    @cached_property
    def uncallable(self) -> frozenset[str]:
        """Stores in use without a token that Pandabase accepts, or that is used here."""
        suspect = ApiToken.Health.SUSPECT
        return self.elsewhere | frozenset(
            pk
            for pk in self.enabled
            if pk not in self.active_tokens or self.active_tokens[pk].health == suspect
        )

    @cached_property
    def cursors(self) -> dict[tuple[str, str], Completed]:
        """When each sync last came to its end, by store and resource."""
        rows = SyncCursor.objects.filter(self.rows()).order_by()
        once = ExpressionWrapper(Q(first_completed_at__isnull=False), BooleanField())
        return {
            (store_id, resource): Completed(read, last)
            for store_id, resource, read, last in rows.values_list(
                "store_id", "resource", once, "last_completed_at"
            )
        }

    @cached_property
    def latest_runs(self) -> dict[tuple[str, str], SyncRun]:
        """The newest run of each store and resource, unless it is one that needs nobody.

        With hundreds of stores nearly all have completed, and to load those takes longest.
        """
        newest = SyncRun.objects.filter(
            store=OuterRef("store"), resource=OuterRef("resource")
        ).order_by("-id")
        ids = SyncCursor.objects.filter(self.rows()).annotate(
            newest=Subquery(newest.values("pk")[:1])
        )
        runs = SyncRun.objects.filter(pk__in=ids.values("newest")).defer("warnings", "steps")
        runs = runs.exclude(state=SyncRun.State.COMPLETED, attention="")
        return {(run.store_id, run.resource): run for run in runs}

    @cached_property
    def before_unfinished(self) -> dict[tuple[str, str], SyncRun]:
        """Of stores and resources whose newest run has not come to its end, the last that has."""
        return {
            (run.store_id, run.resource): run
            for run in self._open_and_before
            if run.state not in UNFINISHED
        }

    @cached_property
    def running(self) -> list[SyncRun]:
        """Runs under way, the oldest first."""
        under_way = (run for run in self._open_and_before if run.state == SyncRun.State.RUNNING)
        return sorted(under_way, key=lambda run: run.pk)

    @cached_property
    def _open_and_before(self) -> list[SyncRun]:
        """Both in one query: those under way, and those before the newest that has not ended."""
        newest = (
            SyncRun.objects.filter(store=OuterRef("store"), resource=OuterRef("resource"))
            .exclude(state__in=UNFINISHED)
            .order_by("-id")
        )
        open_ones = [run.pk for run in self.latest_runs.values() if run.state in UNFINISHED]
        ids = SyncRun.objects.filter(pk__in=open_ones).annotate(
            newest=Subquery(newest.values("pk")[:1])
        )
        runs = SyncRun.objects.defer("warnings", "steps").order_by()
        under_way = runs.filter(self.rows(), state=SyncRun.State.RUNNING)
        return list(under_way.union(runs.filter(pk__in=ids.values("newest")), all=True))

    @cached_property
    def open_rotations(self) -> list[RotationAttempt]:
        """Rotations that have not ended, the oldest first."""
        return [attempt for attempt in self._rotations if attempt.is_open]

    @cached_property
    def newest_by_policy(self) -> dict[str, RotationAttempt]:
        """The newest rotation of each store that its policy asked for in the last week."""
        policy, since = RotationAttempt.Trigger.POLICY, self.now - WEEK
        return {
            attempt.token.store_id: attempt
            for attempt in self._rotations
            if attempt.trigger == policy and attempt.prepared_at > since
        }

    @cached_property
    def _rotations(self) -> list[RotationAttempt]:
        by_policy = Q(trigger=RotationAttempt.Trigger.POLICY, prepared_at__gt=self.now - WEEK)
        attempts = RotationAttempt.objects.real().filter(
            self.rows("token__store_id"), Q(closed_at__isnull=True) | by_policy
        )
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
        hosts = {pk: host_of(token.base_url) for pk, token in self.active_tokens.items()}
        scopes: dict[str, set[str]] = {host: set() for host in hosts.values()}
        for pk in hosts.keys() & self.enabled.keys():
            scopes[hosts[pk]].update(scope_of(pk, resource) for resource in RESOURCES)
        away = {
            row.host: row
            for row in RemoteOutage.objects.all()
            if row.everywhere
            # Nothing that is read here was answered, of one store alone or of a few.
            or ((wanted := scopes.get(row.host)) and wanted <= set(row.scopes))
        }
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
            and cursor.once
            and not self._is_skipped(store_id, resource)
        ]

    def _is_skipped(self, store_id: str, resource: str) -> bool:
        run = self.latest_runs.get((store_id, resource))
        return run is not None and run.state == SyncRun.State.SKIPPED


# Times of a token that no check asks for: to read them takes longest of a row.
_UNASKED = "added_at", "last_tested_at", "last_used_at"

Check = Callable[[Situation], Iterable[Finding]]
