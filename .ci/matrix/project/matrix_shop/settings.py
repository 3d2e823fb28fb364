"""One settings module for every cell; what a cell varies comes from the environment.

Beside what the demo reads: ROUTER and SECOND_DATABASE_URL, DATABASE_POOL, QUEUE and QUEUE_TYPE,
BEAT_SCHEDULER and BEAT_FILE, SHOP_PATH, EGRESS_PROXY, CA_BUNDLE, ROTATION_SPOOL.
"""

from __future__ import annotations

from demo_project.settings import *  # noqa: F403
from demo_project.settings import (
    CELERY_BEAT_SCHEDULE_FILENAME,
    CELERY_BROKER_URL,
    DATABASES,
    INSTALLED_APPS,
    PANDABASE,
    STATE_DIR,
    env,
)

INSTALLED_APPS = [*INSTALLED_APPS, "matrix_shop"]
STATIC_ROOT = STATE_DIR / "static"
FORCE_SCRIPT_NAME = env("SHOP_PATH", default="") or None
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

if "postgresql" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5}
if env.bool("DATABASE_POOL", default=False):
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 8, "timeout": 10}
if router := env("ROUTER", default=""):
    alias = "replica" if router == "ReadReplica" else "second"
    DATABASES[alias] = env.db_url("SECOND_DATABASE_URL")
    DATABASE_ROUTERS = [f"matrix_shop.routers.{router}"]

PANDABASE = {
    **PANDABASE,
    "SYNC_INTERVAL_SECONDS": 10,
    "ROTATION_WAIT_SECONDS": 5.0,
    "PROXIES": env("EGRESS_PROXY", default=None),
    "CA_BUNDLE": env("CA_BUNDLE", default=None),
    "ROTATION_SPOOL": env("ROTATION_SPOOL", default=None),
}

CELERY_TASK_DEFAULT_QUEUE = env("QUEUE")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = env("BEAT_FILE", default=CELERY_BEAT_SCHEDULE_FILENAME)
if CELERY_BROKER_URL.startswith("amqp"):
    # The web server learns that RabbitMQ has a message, or enqueues it later by the sweeper.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "confirm_publish": True,
        "read_timeout": 5,
        "write_timeout": 5,
    }
    CELERY_TASK_DEFAULT_QUEUE_TYPE = env("QUEUE_TYPE")
if scheduler := env("BEAT_SCHEDULER", default=""):
    INSTALLED_APPS += ["django_celery_beat"]
    CELERY_BEAT_SCHEDULER = scheduler
