"""Settings of the shop whose secrets are rotated: short time-outs, a spool, and its own tasks."""

from __future__ import annotations

from tests.worker.settings import *  # noqa: F403
from tests.worker.settings import PANDABASE, env

PANDABASE = {
    **PANDABASE,
    "CONNECT_TIMEOUT_SECONDS": 2.0,
    "READ_TIMEOUT_SECONDS": 20.0,
    "ROTATION_SPOOL": env("ROTATION_SPOOL", default=None),
    "CONCURRENCY": 2,
}
CELERY_IMPORTS = ["tests.rotation.shop_tasks"]
