"""The app's migrations, and some that a version after it might have: each kind that is allowed."""

from __future__ import annotations

from pkgutil import iter_modules

from pandabase_django import migrations

__all__ = ["LAST"]

LAST = max(name for _, name, _ in iter_modules(migrations.__path__))
# Django looks for migrations in the folders of the package: those of the app are found here too.
__path__ = [*__path__, *migrations.__path__]
