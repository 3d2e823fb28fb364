"""Whether this worker is to end: a deploy sends SIGTERM, and kills what still runs a little later.

Celery's main process gets the signal, and the processes that run tasks do not. One byte of memory
that they share since the fork carries it over.
"""

from __future__ import annotations

import mmap
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

__all__ = ["is_shutting_down"]

# Made at import: a worker imports its tasks before it forks.
_flag = mmap.mmap(-1, 1)


def is_shutting_down() -> bool:
    """Whether tasks are to come to an end soon."""
    return _flag[0] == 1


@worker_shutting_down.connect
def _shut_down(**_: Any) -> None:
    _flag[0] = 1


@worker_ready.connect
def _start(**_: Any) -> None:
    _flag[0] = 0
