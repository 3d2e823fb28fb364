"""The app's settings: one dict, ``PANDABASE``, read anew at each access.

Nothing is cached, so ``override_settings`` and a changed settings module simply work. An unknown
key is an error, since a misspelt one would otherwise silently mean the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from pandabase_django.exceptions import ConfigurationError

__all__ = ["DEFAULTS", "PandabaseSettings", "conf"]

DEFAULTS: Mapping[str, Any] = {
    "ENCRYPTION_KEYS": (),
    "API_URL": "https://api.pandabase.io",
    "CONCURRENCY": 4,
    "DETAIL_HELPERS": 3,
    "CONNECT_TIMEOUT_SECONDS": 5.0,
    "READ_TIMEOUT_SECONDS": 30.0,
    "MAX_RATE_LIMIT_WAIT_SECONDS": 65.0,
    "RATE_LIMIT_CACHE": "default",
    "SYNC_INTERVAL_SECONDS": 600,
    "FULL_SWEEP_INTERVAL_SECONDS": 86_400,
    "PRODUCTS_READ_WHOLE": 1000,
    "ROTATION_SPOOL": None,
    "ROTATION_WAIT_SECONDS": 60.0,
    "REQUEST_LOG_RETENTION_DAYS": 365,
    "WEBHOOK_RETENTION_DAYS": 90,
    "CHANGE_RETENTION_DAYS": 90,
    "WEBHOOK_CACHE": "default",
}


class PandabaseSettings:
    """Typed view of ``settings.PANDABASE``.

    Every property raises ConfigurationError when the value has the wrong type or range.
    """

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """Master keys (``pbk1_…``); the first encrypts, all decrypt. Empty when none is set."""
        value = self._read("ENCRYPTION_KEYS")
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ConfigurationError('PANDABASE["ENCRYPTION_KEYS"] must be a list of strings.')
        if not all(isinstance(key, str) for key in value):
            raise ConfigurationError('PANDABASE["ENCRYPTION_KEYS"] must hold strings alone.')
        return tuple(value)

    @property
    def api_url(self) -> str:
        """Base URL given to new tokens."""
        return self._text("API_URL")

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
    def rotation_spool(self) -> Path | None:
        """Folder for the sealed reply of a rotation while the database is down."""
        value = self._read("ROTATION_SPOOL")
        if value is None or value == "":
            return None
        if not isinstance(value, (str, Path)):
            raise ConfigurationError('PANDABASE["ROTATION_SPOOL"] must be a path or None.')
        return Path(value)

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
    def change_retention_days(self) -> int:
        """How long it is kept which row was changed by what."""
        return int(self._number("CHANGE_RETENTION_DAYS", low=1, high=36_500))

    @property
    def webhook_cache(self) -> str:
        """Alias of the Django cache that keeps why deliveries were refused."""
        return self._text("WEBHOOK_CACHE")

    def unknown_keys(self) -> list[str]:
        """Keys of ``settings.PANDABASE`` that no part of this app reads."""
        return sorted(str(key) for key in self._dict() if key not in DEFAULTS)

    def _dict(self) -> Mapping[str, Any]:
        value = getattr(settings, "PANDABASE", {})
        if not isinstance(value, Mapping):
            raise ConfigurationError("PANDABASE must be a dict.")
        return value

    def _read(self, name: str) -> Any:
        unknown = self.unknown_keys()
        if unknown:
            raise ConfigurationError(
                f"PANDABASE has unknown keys: {', '.join(unknown)}. "
                f"Known are {', '.join(sorted(DEFAULTS))}."
            )
        return self._dict().get(name, DEFAULTS[name])

    def _text(self, name: str) -> str:
        value = self._read(name)
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f'PANDABASE["{name}"] must be a non-empty string.')
        return value

    def _number(self, name: str, *, low: float, high: float) -> float:
        value = self._read(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigurationError(f'PANDABASE["{name}"] must be a number.')
        if not low <= value <= high:
            raise ConfigurationError(f'PANDABASE["{name}"] must be from {low:g} to {high:g}.')
        return float(value)


conf = PandabaseSettings()
