"""Sends what is due of a store's usage, several requests at a time.

Rows are claimed, sent, and written by what the answer says. Whatever is not known for certain is
looked for at the remote before it is sent again. Threads ask the remote, and this one the database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.api.wire.headers import clock_skew_seconds
from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import Store
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.sync.run.reader import Reader
from pandabase_django.services.tokens.clients import client_for
from pandabase_django.services.tokens.holding import refuse_write
from pandabase_django.services.usage.batches import Batch, Claims, Verdicts, write
from pandabase_django.services.usage.calls import Sent, send_batch
from pandabase_django.services.usage.recording import AHEAD

__all__ = ["UsageSent", "send_usage"]

logger = get_logger(__name__)

BATCHES_A_WRITE = 20
# A row that lies too far ahead of the remote's clock comes back no sooner.
LEAST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class UsageSent:
    """What one run did.

    Attributes:
        sent: Rows that the remote has counted.
        rejected: Rows that it refused.
        left: Rows that were claimed, and wait again.
        trouble: What ended the run early; "" when nothing did.
    """

    sent: int = 0
    rejected: int = 0
    left: int = 0
    trouble: str = ""


def send_usage(store: Store, *, seconds: float | None = None) -> UsageSent:
    """Send what is due of a store now.

    Call it outside of transactions: that it is being sent is committed before it is.

    Args:
        store: Whose.
        seconds: Nothing more is begun after so long; None sends all.

    Raises:
        TransactionManagementError: A transaction is open.
        HeldBack: This deployment must not send it; nothing was claimed.
        ConfigurationError: The store has no active token.
        SealError: Its secret can't be opened.
        SecretMoved: The credential was refused while its secret is being replaced.
        InvalidCredential: It was refused, and nobody replaces it.
    """
    transaction.refuse_outer("send_usage")
    refuse_write(store.pk)
    with about(store=store.pk), client_for(store) as client:
        return _Run(store, client, seconds=seconds).send()


class _Run:
    def __init__(self, store: Store, client: Client, *, seconds: float | None) -> None:
        self._client = client
        self._claims = Claims(store.pk)
        self._until = None if seconds is None else time.monotonic() + seconds
        self._waiting: list[Batch] = []  # claimed, and not sent yet
        self._under_way: dict[int, Batch] = {}
        self._results: list[Verdicts] = []
        self._trouble: PandabaseError | None = None
        self._counts = [0, 0, 0]
        self._skew_seconds: float | None = None
        self._asked_for_skew = False

    def send(self) -> UsageSent:
        reader: Reader[Sent] = Reader(
            concurrency=conf.concurrency,
            while_waiting=lambda: None,
            renew=self._client.renew,
            give_up=self._client.give_up,
        )
        try:
            with reader:
                for batch, sent in reader.each(partial(send_batch, self._client), self._taken()):
                    del self._under_way[id(batch)]
                    self._results.append(sent.verdicts)
                    self._trouble = self._trouble or sent.trouble
                    if len(self._results) >= BATCHES_A_WRITE:
                        self._write()
        finally:
            # Whatever ended this: the rows do not wait until their claim runs out.
            self._let_go()
            self._write()
        sent_rows, rejected, left = self._counts
        if self._trouble is not None:
            logger.warning("Usage was not sent: %s", self._trouble)
        return UsageSent(sent_rows, rejected, left, str(self._trouble or ""))

    def _taken(self) -> Iterator[Batch]:
        while self._trouble is None and not self._is_over():
            self._waiting = self._waiting or self._claims.next()
            if not self._waiting:
                return
            batch = self._waiting.pop(0)
            self._under_way[id(batch)] = batch
            yield batch

    def _is_over(self) -> bool:
        return self._until is not None and time.monotonic() > self._until

    def _let_go(self) -> None:
        for batch in self._under_way.values():
            verdicts = Verdicts.of(batch)
            verdicts.unknown.extend(event.pk for event in batch.events)
            self._results.append(verdicts)
        for batch in self._waiting:
            verdicts = Verdicts.of(batch)
            (verdicts.unknown if batch.maybe_sent else verdicts.unsent).extend(
                event.pk for event in batch.events
            )
            self._results.append(verdicts)

    def _write(self) -> None:
        if any(one.rejected for one in self._results):
            self._spare_early_ones()
        write(self._results)
        for one in self._results:
            self._counts[0] += len(one.sent)
            self._counts[1] += len(one.rejected)
            self._counts[2] += len(one.early) + len(one.unknown) + len(one.unsent)
        self._results = []

    def _spare_early_ones(self) -> None:
        """Rows that were rejected since our clock is ahead wait until the remote's is there."""
        now = timezone.now()
        # Nobody's clock is ahead by a day: what is older was rejected for something else.
        recent = any(
            event.at > now - timedelta(days=1) and event.pk in one.rejected
            for one in self._results
            for event in one.batch.events
        )
        skew = self._clock_is_ahead() if recent else None
        if skew is None:
            return
        remote_now = now - skew
        for one in self._results:
            times = {event.pk: event.at for event in one.batch.events}
            for pk in list(one.rejected):
                if times[pk] > remote_now + AHEAD:
                    del one.rejected[pk]
                    wait = times[pk] - AHEAD - remote_now
                    one.early[pk] = now + max(wait, LEAST_WAIT)

    def _clock_is_ahead(self) -> timedelta | None:
        """By how much our clock is ahead of the remote's; None when it does not say."""
        if not self._asked_for_skew:
            self._asked_for_skew, began = True, timezone.now().timestamp()
            with suppress(PandabaseError):
                answer = self._client.probe()
                self._skew_seconds = clock_skew_seconds(
                    answer.headers, sent_at=began, received_at=timezone.now().timestamp()
                )
        return None if self._skew_seconds is None else timedelta(seconds=self._skew_seconds)
