"""What would fail later and shows at start, in the form of Django's system checks.

``pandabase_django.checks`` registers these and lists their ids.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.db import DatabaseError, router
from django.utils.module_loading import import_string

from pandabase_django.api.base_url import normalise_base_url
from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.conf import DEFAULTS, conf
from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.reseal import stored_key_ids
from pandabase_django.database import unsupported
from pandabase_django.events import registered_events
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.services.rotation.spool import spool_problem
from pandabase_django.services.webhooks.surroundings import obstacles_by_name

__all__ = [
    "belongs_to_one_process",
    "check_databases",
    "check_deployment",
    "check_handlers",
    "check_settings",
    "check_stored_keys",
    "check_surroundings",
    "check_time_zones",
]

UNSUPPORTED_HINT = (
    "Name one of them in DATABASES; with DATABASE_ROUTERS the app's tables may have their own."
)
PER_PROCESS_CACHES = ("LocMemCache", "DummyCache")


def belongs_to_one_process(alias: str) -> bool:
    """Whether other processes see nothing of what this one puts into the cache."""
    return bool(settings.CACHES.get(alias, {}).get("BACKEND", "").endswith(PER_PROCESS_CACHES))


def _is_function(path: str) -> bool:
    try:
        return callable(import_string(path))
    except ImportError:
        return False


def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Everything that can be checked without a database."""
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
    if problem := _ca_bundle_problem(conf.ca_bundle):
        messages.append(checks.Error(f'PANDABASE["CA_BUNDLE"]: {problem}', id="pandabase.E016"))
    if conf.verified_emails is not None and not _is_function(conf.verified_emails):
        messages.append(
            checks.Error(
                f'PANDABASE["VERIFIED_EMAILS"]: {conf.verified_emails} is no function.',
                hint="It gets a user, and gives the addresses that are proved to be theirs.",
                id="pandabase.E023",
            )
        )
    messages += [
        checks.Error(
            f'PANDABASE["{name}"] is set, and its library is not installed.',
            hint=f"pip install pandabase-django[{extra}]",
            id="pandabase.E025",
        )
        for name, extra in _lacking()
    ]
    if conf.metrics_token and not conf.metrics:
        messages.append(
            checks.Warning(
                'PANDABASE["METRICS_TOKEN"] is set and METRICS is not: nothing is shown.',
                hint='Set PANDABASE["METRICS"] = True.',
                id="pandabase.W026",
            )
        )
    try:
        normalise_base_url(conf.api_url)
    except ValueError as error:
        messages.append(checks.Error(f'PANDABASE["API_URL"]: {error}', id="pandabase.E004"))
    if not settings.DEBUG and belongs_to_one_process(conf.rate_limit_cache):
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
    return messages


def _ca_bundle_problem(place: str | None) -> str:
    """Why no connection would be made with these authorities; "" when nothing is wrong."""
    if place is None or Path(place).is_dir():
        return ""
    try:
        ssl.create_default_context(cafile=place)
    except (OSError, ValueError):
        return f"{place} holds no certificates in PEM form."
    return ""


def check_deployment(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """That this deployment changes nothing at Pandabase, where it is so."""
    try:
        if not conf.read_only:
            return []
    except ConfigurationError:
        return []  # E001 reports it
    return [
        checks.Info(
            'PANDABASE["READ_ONLY"] is set: nothing is changed at Pandabase from here.',
            hint="Right for a copy of a shop. In the shop itself, nothing can be bought.",
            id="pandabase.I024",
        )
    ]


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


def check_databases(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Whether the rows can be kept where the routers write them; asks no database."""
    models = apps.get_app_config("pandabase").get_models()
    aliases = sorted({router.db_for_write(model) for model in models})
    messages: list[checks.CheckMessage] = [
        checks.Error(problem, hint=UNSUPPORTED_HINT, id="pandabase.E020")
        for problem in map(unsupported, aliases)
        if problem
    ]
    if len(aliases) > 1:
        messages.append(
            checks.Error(
                f"DATABASE_ROUTERS write the tables of pandabase to {', '.join(aliases)}: rows "
                "that belong together could not be written in one transaction.",
                hint="Let db_for_write give one answer for every model of the app label pandabase.",
                id="pandabase.E021",
            )
        )
    users = router.db_for_write(get_user_model())
    if users not in aliases:
        messages.append(
            checks.Error(
                f"DATABASE_ROUTERS write the tables of pandabase to {', '.join(aliases)} and the "
                f"users to {users}: runs and rotations refer to users, and no database can refer "
                "to another one.",
                hint="Let db_for_write give one answer for pandabase and the user model.",
                id="pandabase.E022",
            )
        )
    return messages


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


def check_surroundings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Whether deliveries reach their view, as far as names show."""
    return [
        checks.Warning(obstacle.text, hint=obstacle.fix, id="pandabase.W015")
        for obstacle in obstacles_by_name()
    ]


def check_stored_keys(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Whether every stored secret's key is configured; silent before the tables exist."""
    messages: list[checks.CheckMessage] = []
    try:
        configured = set(current_keyring().key_ids)
    except ConfigurationError:
        return []  # E001 and E003 report it
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


def _lacking() -> list[tuple[str, str]]:
    """Settings that are on while their library is not installed, each with its extra's name."""
    asked = (
        ("METRICS", conf.metrics, "prometheus_client", "metrics"),
        ("TRACES", conf.traces, "opentelemetry", "traces"),
    )
    return [(name, extra) for name, on, module, extra in asked if on and find_spec(module) is None]
