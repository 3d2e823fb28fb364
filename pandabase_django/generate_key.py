"""``python -m pandabase_django.generate_key``: a new encryption key, before settings exist.

The settings need the key, so a command of ``manage.py`` can't be the first to make one.
"""

from __future__ import annotations

from pandabase_django.crypto.keyring import generate_key

__all__: list[str] = []

if __name__ == "__main__":
    print(generate_key())  # noqa: T201  the key alone, so that it can be piped
