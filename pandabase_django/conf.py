"""The app's settings: one dict, ``PANDABASE``, read at each access.

Nothing is cached, so ``override_settings`` and a changed settings module simply work. An unknown
key is an error, since a misspelt one would otherwise silently mean the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from pandabase_django.exceptions import ConfigurationError, interruptions
from pandabase_django.setting_values import (
    Problem,
    authorities,
    dotted_path,
    filled_text,
    hosts,
    keys,
    long_text,
    number_within,
    path,
    proxies,
    short_name,
    yes_or_no,
)

__all__ = ["DEFAULTS", "PandabaseSettings", "conf"]

DEFAULTS: Mapping[str, Any] = {
    "ENCRYPTION_KEYS": (),
    "API_URL": "https://api.pandabase.io",
    "API_HOSTS": (),
    "READ_ONLY": False,
    "ENVIRONMENT": "",
    "CONCURRENCY": 4,
    "DETAIL_HELPERS": 3,
    "CONNECT_TIMEOUT_SECONDS": 5.0,
    "READ_TIMEOUT_SECONDS": 30.0,
    "MAX_RATE_LIMIT_WAIT_SECONDS": 65.0,
    "RATE_LIMIT_CACHE": "default",
    "SYNC_INTERVAL_SECONDS": 600,
    "FULL_SWEEP_INTERVAL_SECONDS": 86_400,
    "PRODUCTS_READ_WHOLE": 1000,
    "MARK_GONE_AFTER_SECONDS": 600,
    "ROTATION_SPOOL": None,
    "ROTATION_WAIT_SECONDS": 60.0,
    "REQUEST_LOG_RETENTION_DAYS": 365,
    "WEBHOOK_RETENTION_DAYS": 90,
    "CHECKOUT_RETENTION_DAYS": 90,
    "CHECKOUT_BASE_TEMPLATE": "pandabase/checkout/base.html",
    "CHANGE_RETENTION_DAYS": 90,
    "RUN_RETENTION_DAYS": 90,
    "USAGE_RETENTION_DAYS": 90,
    "LICENSE_CHECKS_PER_ADDRESS": 30,
    "LICENSE_CHECKS_PER_KEY": 60,
    "LICENSE_TRUSTED_PROXIES": 0,
    "ROTATION_RETENTION_DAYS": 730,
    "ACTION_RETENTION_DAYS": 730,
    "WEBHOOK_HOSTS": (),
    "VERIFIED_EMAILS": None,
    "PROXIES": None,
    "CA_BUNDLE": None,
    "METRICS": False,
    "METRICS_TOKEN": None,
    "TRACES": False,
}

_NAME = re.compile(r"[A-Za-z_]{1,40}\Z")

T = TypeVar("T")


class PandabaseSettings:
    """Typed view of ``settings.PANDABASE``.

    Every property raises ConfigurationError when the value has the wrong type or range.
    """

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """Master keys (``pbk1_…``); the first encrypts, all decrypt. Empty when none is set."""
        return self._checked("ENCRYPTION_KEYS", keys)

    @property
    def api_url(self) -> str:
        """Base URL given to new tokens."""
        return self._text("API_URL")

    @property
    def api_hosts(self) -> tuple[str, ...]:
        """Hosts beside Pandabase's own and that of ``API_URL`` that people may give tokens."""
        return self._checked("API_HOSTS", hosts)

    @property
    def read_only(self) -> bool:
        """Nothing at Pandabase is changed from here: writes are refused before they are sent."""
        return self._checked("READ_ONLY", yes_or_no)

    @property
    def environment(self) -> str:
        """What this deployment is called, such as ``staging``; "" when it has no name.

        A token is used only where it was added, or confirmed by a person.
        """
        return self._checked("ENVIRONMENT", short_name)

    @property
    def concurrency(self) -> int:
        """Connections one sync uses at a time, 1 to 64."""
        return int(self._number("CONCURRENCY", low=1, high=64))

    @property
    def detail_helpers(self) -> int:
        """Further workers that may help one sync to read details, 0 to 32."""
        return int(self._number("DETAIL_HELPERS", low=0, high=32))

    @property
    def connect_timeout_seconds(self) -> float:
        """Time to open a connection."""
        return self._number("CONNECT_TIMEOUT_SECONDS", low=0.1, high=300)

    @property
    def read_timeout_seconds(self) -> float:
        """Longest silence while an answer is read."""
        return self._number("READ_TIMEOUT_SECONDS", low=0.1, high=600)

    @property
    def max_rate_limit_wait_seconds(self) -> float:
        """Longest sleep for a rate limit; a longer wait is an error that names it."""
        return self._number("MAX_RATE_LIMIT_WAIT_SECONDS", low=0, high=3600)

    @property
    def rate_limit_cache(self) -> str:
        """Alias of the Django cache through which workers share rate limits."""
        return self._text("RATE_LIMIT_CACHE")

    @property
    def sync_interval_seconds(self) -> int:
        """Time between two scheduled syncs of a store."""
        return int(self._number("SYNC_INTERVAL_SECONDS", low=10, high=604_800))

    @property
    def full_sweep_interval_seconds(self) -> int:
        """Time in which every page is read again: of products; of orders that can't be watched."""
        return int(self._number("FULL_SWEEP_INTERVAL_SECONDS", low=60, high=31_536_000))

    @property
    def products_read_whole(self) -> int:
        """Products up to which a store's whole list is read in every run, 0 to 1,000,000."""
        return int(self._number("PRODUCTS_READ_WHOLE", low=0, high=1_000_000))

    @property
    def mark_gone_after_seconds(self) -> int:
        """How long a row has been here before it can be marked as gone: replicas may lag."""
        return int(self._number("MARK_GONE_AFTER_SECONDS", low=0, high=86_400))

    @property
    def rotation_spool(self) -> Path | None:
        """Folder for the sealed reply of a rotation while the database is down."""
        return self._checked("ROTATION_SPOOL", path)

    @property
    def rotation_wait_seconds(self) -> float:
        """Longest wait for running syncs before the secret they use is rolled."""
        return self._number("ROTATION_WAIT_SECONDS", low=0, high=3600)

    @property
    def request_log_retention_days(self) -> int:
        """How long fetched request logs are kept."""
        return int(self._number("REQUEST_LOG_RETENTION_DAYS", low=1, high=36_500))

    @property
    def webhook_retention_days(self) -> int:
        """How long processed webhook deliveries are kept."""
        return int(self._number("WEBHOOK_RETENTION_DAYS", low=1, high=36_500))

    @property
    def checkout_retention_days(self) -> int:
        """How long checkout sessions are kept that nobody paid."""
        return int(self._number("CHECKOUT_RETENTION_DAYS", low=1, high=36_500))

    @property
    def change_retention_days(self) -> int:
        """How long it is kept which row was changed by what."""
        return int(self._number("CHANGE_RETENTION_DAYS", low=1, high=36_500))

    @property
    def run_retention_days(self) -> int:
        """How long the records of runs are kept, and at least as long as notes of changes."""
        return int(self._number("RUN_RETENTION_DAYS", low=1, high=36_500))

    @property
    def usage_retention_days(self) -> int:
        """How long usage is kept that was sent or dropped."""
        return int(self._number("USAGE_RETENTION_DAYS", low=1, high=36_500))

    @property
    def license_checks_per_address(self) -> int:
        """How often one address may have licences verified in a minute."""
        return int(self._number("LICENSE_CHECKS_PER_ADDRESS", low=1, high=1_000_000))

    @property
    def license_checks_per_key(self) -> int:
        """How often one licence key may be verified in a minute."""
        return int(self._number("LICENSE_CHECKS_PER_KEY", low=1, high=1_000_000))

    @property
    def license_trusted_proxies(self) -> int:
        """Proxies of the shop's own before it, each of which adds to ``X-Forwarded-For``."""
        return int(self._number("LICENSE_TRUSTED_PROXIES", low=0, high=10))

    @property
    def rotation_retention_days(self) -> int:
        """How long closed rotations are kept; the newest of each token stays."""
        return int(self._number("ROTATION_RETENTION_DAYS", low=1, high=36_500))

    @property
    def action_retention_days(self) -> int:
        """How long closed actions are kept. Disputes and refunds have deadlines of weeks."""
        return int(self._number("ACTION_RETENTION_DAYS", low=90, high=36_500))

    @property
    def checkout_base_template(self) -> str:
        """What the pages of a checkout extend: blocks ``title`` and ``content`` are filled."""
        return self._text("CHECKOUT_BASE_TEMPLATE")

    def unknown_keys(self) -> list[str]:
        """Keys of ``settings.PANDABASE`` that no part of this app reads.

        One that is no name of a setting is masked: it may be a secret that lost its own.
        """
        return sorted(
            key if isinstance(key, str) and _NAME.match(key) else "••••"
            for key in self._dict()
            if key not in DEFAULTS
        )

    @property
    def verified_emails(self) -> str | None:
        """Dotted path of what gives the e-mail addresses that are proved to be a user's."""
        return self._checked("VERIFIED_EMAILS", dotted_path)

    @property
    def proxies(self) -> Mapping[str, str]:
        """URL of the egress proxy by the scheme of what is asked. It may hold a password."""
        return self._checked("PROXIES", proxies)

    @property
    def ca_bundle(self) -> str | None:
        """File or folder of the authorities to trust; None trusts those of ``certifi``."""
        return self._checked("CA_BUNDLE", authorities)

    @property
    def metrics(self) -> bool:
        """Requests, waits and handlers are counted with prometheus_client."""
        return self._checked("METRICS", yes_or_no)

    @property
    def metrics_token(self) -> str:
        """Who sends it as a bearer token may read the metrics; "" shows them to nobody."""
        return self._checked("METRICS_TOKEN", long_text)

    @property
    def traces(self) -> bool:
        """Each request is a span of OpenTelemetry."""
        return self._checked("TRACES", yes_or_no)

    @property
    def webhook_hosts(self) -> tuple[str, ...]:
        """Hosts beside those of ``ALLOWED_HOSTS`` that deliveries may be registered for."""
        return self._checked("WEBHOOK_HOSTS", hosts)

    def _text(self, name: str) -> str:
        return self._checked(name, filled_text)

    def _number(self, name: str, *, low: float, high: float) -> float:
        return self._checked(name, partial(number_within, low=low, high=high))

    def _checked(self, name: str, read: Callable[[Any], T | Problem]) -> T:
        """A setting as ``read`` makes it.

        A frame that raises shows its variables in many reports, and whatever is given in the place
        of a setting may be a secret: none here holds a value that did not fit.
        """
        self._dict_is_sound()
        found = self._read(name, read)
        if isinstance(found, Problem):
            raise ConfigurationError(f'PANDABASE["{name}"] {found.text}')
        return found

    def _read(self, name: str, read: Callable[[Any], T | Problem]) -> T | Problem:
        """The same, or what is wrong with it. Raises nothing that was met here."""
        try:
            return read(self._dict().get(name, DEFAULTS[name]))
        except interruptions():
            raise
        except Exception as error:  # noqa: BLE001  a lazy setting may raise anything
            return Problem(f"can't be read ({type(error).__name__}).")

    def _dict(self) -> Mapping[str, Any]:
        found = _settings()
        if found is None:
            raise ConfigurationError("PANDABASE must be a dict.")
        return found

    def _dict_is_sound(self) -> None:
        unknown = self.unknown_keys()
        if unknown:
            raise ConfigurationError(
                f"PANDABASE has unknown keys: {', '.join(unknown)}. "
                f"Known are {', '.join(sorted(DEFAULTS))}."
            )


def _settings() -> dict[str, Any] | None:
    """``settings.PANDABASE``; None when it is no dict, or fails."""
    try:
        found = getattr(settings, "PANDABASE", {})
        return dict(found) if isinstance(found, Mapping) else None
    except interruptions():
        raise
    except Exception:  # noqa: BLE001  a lazy one may raise anything
        return None


conf = PandabaseSettings()
