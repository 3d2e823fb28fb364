"""What a shop's own code does all day, and a note of every task that fails."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from celery import Task, shared_task
from celery.signals import task_failure, task_retry, task_success

from pandabase_django.exceptions import SecretMoved
from pandabase_django.models import Store
from pandabase_django.services import client_for

NOTES = Path(os.environ["SHOP_NOTES"])


@shared_task(bind=True, name="shop.read", acks_late=True, max_retries=None)
def read(self: Task[Any, Any], store_id: str, calls: int) -> None:
    """Reads as many times; each call can be told from all others by its search text."""
    try:
        with client_for(Store.objects.get(pk=store_id)) as client:
            for _ in range(calls):
                client.orders.list(limit=1, search=uuid.uuid4().hex)
    except SecretMoved as error:
        raise self.retry(exc=error, countdown=0.2) from None


def _note(kind: str, task: Any, why: object = "") -> None:
    with NOTES.open("a") as notes:
        notes.write(f"{kind} {task.name if task else '?'} {why!r}\n")


@task_failure.connect
def _failed(sender: Any = None, exception: Any = None, **_: Any) -> None:
    _note("failed", sender, exception)


@task_retry.connect
def _retried(sender: Any = None, reason: Any = None, **_: Any) -> None:
    _note("retried", sender, reason)


@task_success.connect
def _succeeded(sender: Any = None, **_: Any) -> None:
    _note("succeeded", sender)
