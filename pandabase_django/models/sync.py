"""What a sync did, how far it is, and the remote's own log of our requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Relation,
    Words,
    WriterManager,
    WriterQuerySet,
    manager_of,
)
from pandabase_django.models.stores import Store

if TYPE_CHECKING:
    from typing_extensions import Self

    from pandabase_django.models.changes import RowChange

__all__ = ["STALLED_AFTER", "RequestLog", "Resource", "SyncCursor", "SyncRun", "SyncRunQuerySet"]

SILENT_AFTER = timedelta(minutes=2)
STALLED_AFTER = timedelta(minutes=5)


class Resource(models.TextChoices):
    """What a lease and a checkpoint belong to."""

    PRODUCTS = "products", _("Products")
    ORDERS = "orders", _("Orders")
    REQUEST_LOGS = "request_logs", _("Request log")
    DETAILS = "details", _("Order details")
    REFUNDS = "refunds", _("Refunds")
    DISPUTES = "disputes", _("Disputes")
    CUSTOMERS = "customers", _("Customers")
    LEDGER = "ledger", _("Ledger")
    PAYOUTS = "payouts", _("Payouts")
    COUPONS = "coupons", _("Coupons")
    LICENSES = "licenses", _("Licenses")
    SUBSCRIPTIONS = "subscriptions", _("Subscriptions")


class SyncRunQuerySet(WriterQuerySet["SyncRun"]):
    """Runs. Whether one is alive is decided here: each gives a sign of life every 15 seconds."""

    def alive(self) -> Self:
        """Under way, with a sign of life in the last two minutes: worth waiting for."""
        return self._running().filter(heartbeat_at__gt=timezone.now() - SILENT_AFTER)

    def stalled(self) -> Self:
        """Under way by their records, and silent for so long that their processes are dead."""
        return self._running().filter(heartbeat_at__lt=timezone.now() - STALLED_AFTER)

    def _running(self) -> Self:
        return self.filter(state=SyncRun.State.RUNNING)


class SyncRun(PandabaseModel):
    """The record of one sync of one resource of one store.

    Attributes:
        store: Which store.
        resource: What was read.
        state: How it stands, or ended.
        trigger: From where it was started.
        started_by: Who started it. Empty: the schedule, a command, or a user who was deleted.
        handed_out_to: Due orders up to this id are given to this run or its helpers. Empty: none
            are.
        first: It is the first of this store and resource; no signal and no note of a change
            follows.
        full: Every page was to be read.
        dry_run: Nothing was to be written.
        started_at: When it began.
        heartbeat_at: Each 15 seconds while it lives.
        finished_at: When it ended. Empty: it has not.
        cancel_requested_at: When somebody asked it to stop.
        phase: What it does now.
        progress_done: Rows of that phase that are through.
        waiting_for: Whose limit it is, such as the token's.
        rows_created: Rows that are new here.
        rows_updated: Rows that were changed here.
        rows_unchanged: Rows that were read and were equal.
        rows_gone: Rows that were marked as gone.
        requests: How many were sent, repetitions included.
        seconds_waited: In all.
        warnings: The first of them, as sentences.
        warning_count: How many there were in all.
        attention: What a person should look at although it did not fail.
        error: Why it failed or was stopped, as a sentence.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", _("Running")
        COMPLETED = "COMPLETED", _("Completed")
        PARTIAL = "PARTIAL", _("Completed in part")
        SKIPPED = "SKIPPED", _("Skipped")
        POSTPONED = "POSTPONED", _("Postponed")
        FAILED = "FAILED", _("Failed")
        CANCELLED = "CANCELLED", _("Cancelled")
        STALLED = "STALLED", _("Stalled")

    class Trigger(models.TextChoices):
        SCHEDULE = "SCHEDULE", _("Schedule")
        ADMIN = "ADMIN", _("Admin")
        COMMAND = "COMMAND", _("Command")

    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="runs", verbose_name=_("store")
    )
    resource: Column[str] = models.CharField(_("resource"), max_length=16, choices=Resource.choices)
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.RUNNING
    )
    trigger: Column[str] = models.CharField(_("started by"), max_length=16, choices=Trigger.choices)
    started_by: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    helps: Relation[SyncRun | None] = models.ForeignKey(
        "self",
        null=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="helpers",
        verbose_name=_("helps"),
        help_text=_("The run whose order details were read, in another worker."),
    )
    handed_out_to: Column[str | None] = models.CharField(max_length=128, null=True, editable=False)
    first: Column[bool] = models.BooleanField(_("first sync"), default=False)
    full: Column[bool] = models.BooleanField(_("full pass asked for"), default=False)
    dry_run: Column[bool] = models.BooleanField(_("dry run"), default=False)
    started_at: Column[datetime] = models.DateTimeField(_("started"))
    heartbeat_at: Column[datetime] = models.DateTimeField(_("last sign of life"))
    finished_at: Column[datetime | None] = models.DateTimeField(_("finished"), null=True)
    cancel_requested_at: Column[datetime | None] = models.DateTimeField(
        _("cancel requested"), null=True
    )
    phase: Column[str] = models.CharField(_("phase"), max_length=64, default="", blank=True)
    progress_done: Column[int] = models.PositiveBigIntegerField(_("done"), default=0)
    progress_total: Column[int | None] = models.PositiveBigIntegerField(
        _("of"), null=True, help_text=_("Empty while it is not known.")
    )
    rows_per_second: Column[float | None] = models.FloatField(
        _("rows a second"), null=True, help_text=_("Of the phase under way.")
    )
    seconds_left: Column[int | None] = models.PositiveBigIntegerField(
        _("seconds left"), null=True, help_text=_("Of the phase under way, estimated.")
    )
    waiting_until: Column[datetime | None] = models.DateTimeField(
        _("waiting until"), null=True, help_text=_("When an exhausted rate limit is reset.")
    )
    waiting_for: Column[str] = models.CharField(
        _("waiting for the rate limit of"), max_length=64, default="", blank=True
    )
    rows_created: Column[int] = models.PositiveBigIntegerField(_("created"), default=0)
    rows_updated: Column[int] = models.PositiveBigIntegerField(_("updated"), default=0)
    rows_unchanged: Column[int] = models.PositiveBigIntegerField(_("unchanged"), default=0)
    rows_gone: Column[int] = models.PositiveBigIntegerField(_("gone"), default=0)
    requests: Column[int] = models.PositiveBigIntegerField(_("requests"), default=0)
    seconds_waited: Column[float] = models.FloatField(
        _("seconds waited for rate limits"), default=0.0
    )
    steps: Column[Any] = models.JSONField(
        _("strategies"),
        default=list,
        help_text=_("What was done, with the requests and rows of each strategy."),
    )
    warnings: Column[Any] = models.JSONField(_("warnings"), default=list)
    warning_count: Column[int] = models.PositiveBigIntegerField(_("number of warnings"), default=0)
    attention: Column[str] = models.TextField(_("needs attention"), default="", blank=True)
    error: Column[str] = models.TextField(_("error"), default="", blank=True)
    request_id: Column[str] = models.TextField(
        _("request id"), default="", blank=True, help_text=_("Of the answer that stopped the run.")
    )

    objects: ClassVar[SyncRunQuerySet] = manager_of(SyncRunQuerySet)

    if TYPE_CHECKING:
        store_id: str
        started_by_id: Any
        helps_id: int | None
        helpers: SyncRunQuerySet
        changes: WriterQuerySet[RowChange]

    class Meta:
        verbose_name: ClassVar[Words] = _("sync run")
        verbose_name_plural: ClassVar[Words] = _("sync runs")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["heartbeat_at"],
                condition=Q(state="RUNNING"),
                name="pandabase_run_running",
            ),
            models.Index(fields=["store", "resource", "-id"], name="pandabase_run_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_resource_display()} · {self.store} · {self.pk}"

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    def is_stalled(self, *, now: datetime) -> bool:
        """See ``SyncRunQuerySet.stalled``; ``now`` is aware."""
        running = self.state == SyncRun.State.RUNNING
        return running and now - self.heartbeat_at > STALLED_AFTER


class SyncCursor(PandabaseModel):
    """Checkpoint and lease of one resource of one store.

    The lease is fenced: ``fence`` grows with every new holder, and a holder's write transactions
    begin with an UPDATE that names its own fence, so a worker that slept past its lease writes
    nothing.

    Attributes:
        store: Which store.
        resource: Of what.
        lease_holder: Which process syncs it now; "" when none does.
        fence: Number of the lease.
        heartbeat_at: When its holder was last alive.
        lease_until: Until when no other process takes it. Empty: it is free.
        first_completed_at: When a run came to its end for the first time. Empty: not yet.
        last_completed_at: When a run came to its end last, in part or whole.
        scheduled_waits_until: Until when a scheduled message counts as waiting for a worker.
        asked_waits_until: The same, of one that a person has asked for.
        full_waits_until: The same, of one for a full pass.
    """

    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.CASCADE, related_name="cursors"
    )
    resource: Column[str] = models.CharField(_("resource"), max_length=16, choices=Resource.choices)
    checkpoint: Column[Any] = models.JSONField(
        _("checkpoint"), default=dict, help_text=_("Where an interrupted pass goes on.")
    )
    lease_holder: Column[str] = models.TextField(_("lease holder"), default="", blank=True)
    fence: Column[int] = models.PositiveBigIntegerField(_("fence"), default=0)
    heartbeat_at: Column[datetime | None] = models.DateTimeField(_("heartbeat"), null=True)
    lease_until: Column[datetime | None] = models.DateTimeField(_("lease until"), null=True)
    first_completed_at: Column[datetime | None] = models.DateTimeField(
        _("first completed"), null=True
    )
    last_completed_at: Column[datetime | None] = models.DateTimeField(
        _("last completed"), null=True
    )
    scheduled_waits_until: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    asked_waits_until: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    full_waits_until: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    last_full_at: Column[datetime | None] = models.DateTimeField(
        _("last clean full pass"), null=True, help_text=_("Every page read, nothing moved.")
    )

    objects: ClassVar[WriterManager[SyncCursor]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str

    class Meta:
        verbose_name: ClassVar[Words] = _("sync cursor")
        verbose_name_plural: ClassVar[Words] = _("sync cursors")
        ordering: ClassVar[Sequence[str]] = ["store_id", "resource"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["store", "resource"], name="pandabase_cursor"),
        ]

    def __str__(self) -> str:
        return f"{self.store_id} {self.resource}"


class RequestLog(PandabaseModel):
    """One entry of the remote's log of requests (Source: P-18), kept beyond its 30 days.

    The remote's field names are unknown: columns are empty when nothing fitted, ``payload`` has
    everything but credentials.

    Attributes:
        store: Which store was asked.
        method: Such as GET.
        path: Of the address, without what is asked for.
        status_code: Of the answer.
        duration_ms: How long it took there, in milliseconds.
        ip: Where the request came from.
        logged_at: When it was made.
        payload: The entry as it was received, without credentials.
        synced_at: When it was fetched.
    """

    id: Column[str] = models.CharField(
        _("id"), primary_key=True, max_length=128, help_text=_("The remote's, else a digest.")
    )
    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="request_logs", verbose_name=_("store")
    )
    method: Column[str] = models.CharField(_("method"), max_length=16, default="")
    path: Column[str] = models.TextField(_("path"), default="")
    status_code: Column[int | None] = models.PositiveIntegerField(_("status"), null=True)
    duration_ms: Column[float | None] = models.FloatField(_("duration (ms)"), null=True)
    ip: Column[str] = models.TextField(_("IP address"), default="", db_index=True)
    ip_is_new: Column[bool] = models.BooleanField(
        _("new IP"),
        default=False,
        help_text=_("No call fetched before this one's fetch came from it."),
    )
    logged_at: Column[datetime | None] = models.DateTimeField(_("time"), null=True)
    payload: Column[Any] = models.JSONField(_("payload"), default=dict)
    synced_at: Column[datetime] = models.DateTimeField(_("fetched"))

    objects: ClassVar[WriterManager[RequestLog]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str

    class Meta:
        verbose_name: ClassVar[Words] = _("request log entry")
        verbose_name_plural: ClassVar[Words] = _("request log")
        ordering: ClassVar[Sequence[str]] = ["-logged_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["store", "-logged_at"], name="pandabase_log_newest"),
            models.Index(fields=["-logged_at", "-id"], name="pandabase_log_page"),
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("fetch_requestlog", _("Can fetch the request log"))
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status_code or ''}".strip()
