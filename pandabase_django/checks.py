"""System checks: what would fail later is told at start.

==============  ==================================================================================
pandabase.E001  PANDABASE is malformed, has an unknown key, or a value of the wrong type
pandabase.W002  no encryption key: the app runs, but no secret can be kept
pandabase.E003  an encryption key is malformed or stands twice
pandabase.E004  API_URL is no https URL
pandabase.E005  stored secrets are sealed with a key that is not configured (``--database``)
pandabase.W006  the rate-limit cache belongs to one process alone
pandabase.W007  the rotation spool can't be used, or is open to everybody
pandabase.W008  the cache of the webhook doctor belongs to one process alone
pandabase.W009  a handler waits for an event that Pandabase does not send
pandabase.E010  USE_TZ is False: no run can store or compare a time
pandabase.E101  a sealed field is bound to a column that does not exist
pandabase.E102  a sealed field has no purpose
==============  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from pandabase_django.api.base_url import normalise_base_url
from pandabase_django.api.webhook_payload import EVENT_TYPES
from pandabase_django.conf import DEFAULTS, conf
from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.reseal import stored_key_ids
from pandabase_django.events import registered_events
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.services.rotation.spool import spool_problem

__all__ = ["check_handlers", "check_settings", "check_stored_keys", "check_time_zones"]

PER_PROCESS_CACHES = ("LocMemCache", "DummyCache")


@checks.register("pandabase")
def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Everything that can be told without a database."""
    messages: list[checks.CheckMessage] = []
    try:
        for name in DEFAULTS:
            getattr(conf, name.lower())
    except ConfigurationError as error:
        return [checks.Error(str(error), id="pandabase.E001")]
    try:
        if not current_keyring().key_ids:
            messages.append(
                checks.Warning(
                    'PANDABASE["ENCRYPTION_KEYS"] is empty: no secret can be kept.',
                    hint="Make a key with `manage.py pandabase_generate_key`.",
                    id="pandabase.W002",
                )
            )
    except ConfigurationError as error:
        messages.append(checks.Error(str(error), id="pandabase.E003"))
    try:
        normalise_base_url(conf.api_url)
    except ValueError as error:
        messages.append(checks.Error(f'PANDABASE["API_URL"]: {error}', id="pandabase.E004"))
    backend = settings.CACHES.get(conf.rate_limit_cache, {}).get("BACKEND", "")
    if not settings.DEBUG and backend.endswith(PER_PROCESS_CACHES):
        messages.append(
            checks.Warning(
                f"The cache {conf.rate_limit_cache!r} belongs to one process: workers can't share "
                "what they know of rate limits.",
                hint='Name a shared cache in PANDABASE["RATE_LIMIT_CACHE"].',
                id="pandabase.W006",
            )
        )
    if problem := spool_problem():
        messages.append(
            checks.Warning(
                f'PANDABASE["ROTATION_SPOOL"]: {problem}',
                hint="Make the folder for the workers' user alone (mode 0700). No secret is "
                "rotated while it can't be written.",
                id="pandabase.W007",
            )
        )
    backend = settings.CACHES.get(conf.webhook_cache, {}).get("BACKEND", "")
    if not settings.DEBUG and backend.endswith(PER_PROCESS_CACHES):
        messages.append(
            checks.Warning(
                f"The cache {conf.webhook_cache!r} belongs to one process: the admin can't show "
                "why webhook deliveries were refused.",
                hint='Name a shared cache in PANDABASE["WEBHOOK_CACHE"].',
                id="pandabase.W008",
            )
        )
    return messages


@checks.register("pandabase")
def check_time_zones(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Whether times have a time zone, as all those of the remote do (Source: P-25)."""
    if settings.USE_TZ:
        return []
    return [
        checks.Error(
            "USE_TZ is False: every sync fails, since the times of Pandabase have a time zone and "
            "those of this project's database have none.",
            hint="Set USE_TZ = True, which is Django's own default.",
            id="pandabase.E010",
        )
    ]


@checks.register("pandabase")
def check_handlers(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Handlers whose event's name is unknown: misspelt, or newer than this version."""
    return [
        checks.Warning(
            f"{', '.join(handlers)} waits for {name}, which is no event this version knows.",
            hint="Look for a misspelling; a new event of Pandabase is handled all the same.",
            id="pandabase.W009",
        )
        for name, handlers in sorted(registered_events().items())
        if name not in EVENT_TYPES
    ]


@checks.register(checks.Tags.database)
def check_stored_keys(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Whether every stored secret's key is configured; silent before the tables exist."""
    messages: list[checks.CheckMessage] = []
    try:
        configured = set(current_keyring().key_ids)
    except ConfigurationError:
        return []  # E001 and E003 tell it
    for alias in databases or ():
        try:
            counts = stored_key_ids(using=alias)
        except DatabaseError:
            continue
        missing = {key: count for key, count in counts.items() if key not in configured}
        if missing:
            named = ", ".join(f"{key or 'no key'} ({count})" for key, count in missing.items())
            messages.append(
                checks.Error(
                    f"Stored secrets in {alias!r} can't be opened; they were sealed with: {named}.",
                    hint='Put the missing key back into PANDABASE["ENCRYPTION_KEYS"].',
                    id="pandabase.E005",
                )
            )
    return messages
