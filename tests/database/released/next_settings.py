"""The demo's settings with the migrations of a next version."""

from __future__ import annotations

from demo_project.settings import *  # noqa: F403

MIGRATION_MODULES = {"pandabase": "tests.database.next_version"}
