"""What a shop's own tests use: a Pandabase inside the test's process, without network.

With pytest, the fixture ``pandabase`` is there as soon as the package is installed. Elsewhere::

    from pandabase_django.testing import Pandabase

    with Pandabase() as pandabase:
        ...

docs/testing.md shows what it can do.
"""

from __future__ import annotations

from pandabase_django.testing.cases import PandabaseMixin
from pandabase_django.testing.guard import NetworkRefused, refusing_network
from pandabase_django.testing.pandabase import Pandabase
from pandabase_django.testing.remote import Remote

__all__ = ["NetworkRefused", "Pandabase", "PandabaseMixin", "Remote", "refusing_network"]
