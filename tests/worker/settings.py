"""Settings of a real worker process: a database and a broker that outlive it."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, PANDABASE, env

PANDABASE = {
    **PANDABASE,
    "MAX_RATE_LIMIT_WAIT_SECONDS": env.float("MAX_WAIT_SECONDS", default=65.0),
    "MARK_GONE_AFTER_SECONDS": env.int("MARK_GONE_AFTER_SECONDS", default=0),
}

CELERY_BROKER_URL = env("CELERY_BROKER_URL")
CELERY_TASK_DEFAULT_QUEUE = env("CELERY_TASK_DEFAULT_QUEUE", default="celery")
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

if CELERY_BROKER_URL.startswith("filesystem"):
    folder = env("BROKER_FOLDER")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": f"{folder}/control",
    }
else:
    # A killed worker's message comes back after this many seconds.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3}

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
