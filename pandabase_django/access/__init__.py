"""May this user do this now? By what was bought, and by nothing else; docs/access.md has the rules.

::

    from pandabase_django.access import has_access

    if has_access(request.user, product):
        ...
"""

from __future__ import annotations

from pandabase_django.access.views import AccessRequiredMixin, access_required
from pandabase_django.services.access.answers import (
    AccessTable,
    access,
    has_access,
    prefetch_access,
)
from pandabase_django.services.access.links import (
    link_customer,
    link_verified_emails,
    unlink_customer,
)
from pandabase_django.services.access.rules import Access, Reason

__all__ = [
    "Access",
    "AccessRequiredMixin",
    "AccessTable",
    "Reason",
    "access",
    "access_required",
    "has_access",
    "link_customer",
    "link_verified_emails",
    "prefetch_access",
    "unlink_customer",
]
