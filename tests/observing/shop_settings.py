"""Settings of a worker process that counts, and of the web process beside it."""

from __future__ import annotations

from tests.observing.scraping import TOKEN
from tests.worker.settings import *  # noqa: F403
from tests.worker.settings import PANDABASE

PANDABASE = {**PANDABASE, "METRICS": True, "METRICS_TOKEN": TOKEN}
ALLOWED_HOSTS = ["testserver"]
