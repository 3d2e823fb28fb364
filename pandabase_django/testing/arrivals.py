"""How a shop learns of what happened at its Pandabase: by deliveries, and by syncs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.db.models import Model
from django.test import Client

from pandabase_django.models import Order, Subscription, SyncRun, WebhookDelivery
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.testing.connection import Connection
from pandabase_django.testing.worker import committed

__all__ = ["Arrivals"]

PATIENCE_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.02
POLLED = (Resource.ORDERS, Resource.SUBSCRIPTIONS)

R = TypeVar("R", bound=Model)


class Arrivals(Connection):
    """Nothing arrives and nothing is worked on but by these; see ``Pandabase``."""

    def work(self) -> None:
        """Let all arrive and be done that is due: deliveries, then what a worker does of them.

        Where the project's URLs lack the app's, a sync takes the place of deliveries. With
        ``celery=True`` deliveries arrive, and a worker of yours does the rest, in its time.
        """
        self._arrive()
        self._work_off(sweep=True)
        self._arrive()  # what the worker did there

    def sync(self, *resources: str) -> None:
        """Sync these lists, such as ``"orders"``, and do what comes of it; none: products, orders.

        Deliveries that are on their way stay there.
        """
        with committed():
            for resource in resources or (Resource.PRODUCTS, Resource.ORDERS):
                sync_resource(self.store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
        self._work_off()

    def deliver(
        self, event: str, about: Order | Subscription, *, times: int = 1
    ) -> WebhookDelivery:
        """An event arrives, signed by Pandabase, at the shop's own address, and is worked off.

        Nothing else happens there. What is on its way arrives before it.

        Args:
            event: Such as ``PAYMENT_COMPLETED``.
            about: What it names.
            times: How often the same event is delivered.

        Raises:
            RuntimeError: The project's URLs lack the app's.
            ChangeRefused: There is no such event, or Pandabase has no such order or subscription.
        """
        if self.endpoint is None:
            raise RuntimeError('Deliveries need include("pandabase_django.urls") in your URLs.')
        named = "subscription" if isinstance(about, Subscription) else "id"
        (event_id,) = self.remote.change("send_event", type=event, **{named: about.pk})
        for _ in range(times - 1):
            self.remote.sandbox.repeat_delivery(event_id)
        self._arrive()
        return WebhookDelivery.objects.get(endpoint=self.endpoint, event_id=event_id)

    def travel(self, **span: float) -> None:
        """So much time passes at once, here and there; then what is due is done.

        ``timezone.now()`` is ahead from here on; ``time.time()`` and ``datetime.now()`` are not.

        Args:
            span: As of ``timedelta``: ``days=40``, ``minutes=10``.

        Raises:
            ValueError: It would go back.
        """
        passed = timedelta(**span)
        self._clock.pass_time(passed)
        for one in self._active:
            one.remote.pass_time(passed)
        self.work()

    def wait_for(self, look: Callable[[], Any]) -> Any:
        """Look until there is something, and give it: for a worker of yours, that takes its time.

        Raises:
            TimeoutError: There is nothing after ten seconds.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := look()):
            if time.monotonic() > deadline:
                raise TimeoutError("Nothing was there in time.")
            time.sleep(LOOK_EVERY_SECONDS)
        return found

    def _arrive(self) -> None:
        """Let what happened arrive, and be worked on by the messages that it brings forth."""
        if self.endpoint is None:
            self.sync(*POLLED)
        else:
            while self.remote.sandbox.send_deliveries(self._post):
                self._work_off()

    def _work_off(self, *, sweep: bool = False) -> None:
        if not self._celery:
            self._worker.work(sweep=sweep)

    def _arrived(self, model: type[R], pk: str) -> R:
        """The row of what has just happened at Pandabase."""
        self._arrive()
        if self._celery:
            self._wait_for_a_worker()
        row = model._default_manager.filter(pk=pk).first()
        if row is None:
            raise LookupError(f"{pk} did not arrive: {self._why() or 'nothing says why'}")
        return row

    def _wait_for_a_worker(self) -> None:
        """Until all that arrived is worked off: a row may be there from before."""
        waiting = WebhookDelivery.objects.filter(
            endpoint=self.endpoint, state=WebhookDelivery.State.PENDING
        )
        try:
            self.wait_for(lambda: not waiting.exists())
        except TimeoutError:
            why = self._why() or "is a worker running?"
            raise TimeoutError(
                f"Deliveries that are not worked off: {waiting.count()}; {why}"
            ) from None

    def _why(self) -> str:
        troubled = WebhookDelivery.objects.filter(endpoint=self.endpoint).exclude(last_error="")
        return ", ".join(troubled.values_list("last_error", flat=True))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        kind = headers.pop("Content-Type")
        with committed():
            answer = Client().post(
                urlsplit(url).path, data=body, content_type=kind, headers=headers, secure=True
            )
        return answer.status_code
