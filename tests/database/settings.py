"""Two databases and a router, by the environment: DATABASE_URL, SECOND_DATABASE_URL, ROUTER."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, env

SECOND = "replica" if env("ROUTER") == "ReadReplica" else "second"
DATABASES = {**DATABASES, SECOND: env.db_url("SECOND_DATABASE_URL")}
for options in DATABASES.values():
    options["ATOMIC_REQUESTS"] = True
DATABASE_ROUTERS = [f"tests.routers.{env('ROUTER')}"]
ALLOWED_HOSTS = ["testserver"]
