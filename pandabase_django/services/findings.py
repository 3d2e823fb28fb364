"""What a finding is, and the facts that the checks share so that each is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from pandabase_django.models import ApiToken, RotationAttempt, Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.ticks import last_ticks

__all__ = ["Check", "Finding", "Level", "Situation"]


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
        url_args: Arguments of that page, as they stand in the database.
        store_id: The store it is about; "" for the installation as a whole.
    """

    code: str
    level: Level
    sentence: str
    fix: str = ""
    url_name: str = ""
    url_args: tuple[str, ...] = ()
    store_id: str = ""


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
    def tokens(self) -> list[ApiToken]:
        """Tokens in use of these stores, with their permissions."""
        found = ApiToken.objects.filter(store__in=[store.pk for store in self.stores])
        return list(
            found.exclude(role=ApiToken.Role.RETIRED)
            .defer("secret")
            .select_related("store")
            .prefetch_related("permissions")
        )

    @cached_property
    def active_tokens(self) -> dict[str, ApiToken]:
        """The token each store is called with, by store."""
        return {t.store_id: t for t in self.tokens if t.role == ApiToken.Role.ACTIVE}

    @cached_property
    def cursors(self) -> dict[tuple[str, str], SyncCursor]:
        """Where each sync stands, by store and resource."""
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
    def before_postponed(self) -> dict[tuple[str, str], SyncRun]:
        """Of stores and resources whose newest run is postponed, the newest that is not."""
        postponed = SyncRun.State.POSTPONED
        newest = (
            SyncRun.objects.filter(store=OuterRef("store"), resource=OuterRef("resource"))
            .exclude(state=postponed)
            .order_by("-id")
        )
        waiting = [run.pk for run in self.latest_runs.values() if run.state == postponed]
        ids = SyncRun.objects.filter(pk__in=waiting).annotate(
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
        attempts = RotationAttempt.objects.real().filter(
            token__store__in=[store.pk for store in self.stores], closed_at__isnull=True
        )
        return list(
            attempts.defer("reply", "token__secret").select_related("token").order_by("prepared_at")
        )

    @cached_property
    def ticks(self) -> dict[str, datetime]:
        """When each scheduled task last ran."""
        return last_ticks()

    @property
    def resources(self) -> Sequence[Resource]:
        """What has a sync of its own."""
        return (Resource.PRODUCTS, Resource.ORDERS)


Check = Callable[[Situation], Iterable[Finding]]
