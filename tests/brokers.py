"""Which broker the tests of this process talk to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import current_app

__all__ = ["broker_at"]


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """Let Celery's default app talk to this broker.

    The environment's ``CELERY_BROKER_URL`` comes before the app's setting in Celery, and
    connections that it has kept before everything.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CELERY_BROKER_URL", raising=False)
        patch.setattr(current_app.conf, "broker_url", url)
        for owner, name in ((current_app, "_pool"), (current_app.amqp, "_producer_pool")):
            patch.setattr(owner, name, None)
        yield
