"""What a rotation touches beside the database: the wire, the clock, and who watches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.utils import timezone

from pandabase_django.exceptions import RotationError
from pandabase_django.models import RotationAttempt
from pandabase_django.services.rotation.wire import StoreWire, Wire

__all__ = ["RotationContext", "refuse_outer_transaction"]


@dataclass(frozen=True)
class RotationContext:
    """The seams of a rotation; the defaults are the real ones.

    Attributes:
        wire: Speaks to the remote.
        clock: Aware UTC time.
        sleep: Waits, in seconds.
        on_change: Called with the attempt after each state that was committed.
    """

    wire: Wire = field(default_factory=StoreWire)
    clock: Callable[[], datetime] = timezone.now
    sleep: Callable[[float], None] = time.sleep
    on_change: Callable[[RotationAttempt], None] = lambda attempt: None


def refuse_outer_transaction() -> None:
    """Refuse to work where a later rollback could undo what was committed before a request.

    Raises:
        RotationError: A transaction is open.
    """
    if connection.in_atomic_block:
        raise RotationError(
            "A rotation must not run inside a transaction: a rollback would forget that a request "
            "was sent. Record it with request_rotation and run it after the commit."
        )
