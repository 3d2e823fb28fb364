"""May this user do this now? By what was bought, and by nothing else; docs/access.md has the rules.

::

    from pandabase_django.access import has_access

    if has_access(request.user, product):
        ...
"""

from __future__ import annotations

from pandabase_django.services.access.answers import (
    AccessTable,
    access,
    has_access,
    prefetch_access,
)
from pandabase_django.services.access.rules import Access, Reason

__all__ = [
    "Access",
    "AccessTable",
    "Reason",
    "access",
    "has_access",
    "prefetch_access",
]
