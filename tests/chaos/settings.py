"""The shop of .ci/matrix/project, polled so often that minutes show what hours would."""

from __future__ import annotations

from pathlib import Path

from matrix_shop.settings import *  # noqa: F403
from matrix_shop.settings import INSTALLED_APPS, PANDABASE

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]
PANDABASE = {
    **PANDABASE,
    "SYNC_INTERVAL_SECONDS": 20,
    # Longer than anything lags.
    "MARK_GONE_AFTER_SECONDS": 60,
}
if PANDABASE["ROTATION_SPOOL"]:
    Path(PANDABASE["ROTATION_SPOOL"]).mkdir(mode=0o700, exist_ok=True)
