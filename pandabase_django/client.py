"""The client's types, for a shop's own annotations. ``services.client_for`` opens one.

``params`` has what callers give, such as ``params.CouponCreateBody``; ``schemas`` what comes back,
such as ``schemas.Order``.
"""

from __future__ import annotations

from pandabase_django.api import params, schemas
from pandabase_django.api.aio.client import AsyncClient
from pandabase_django.api.client import Client
from pandabase_django.api.operations import OPERATIONS, Operation
from pandabase_django.api.schemas import Page
from pandabase_django.api.wire.replies import Reply

__all__ = ["OPERATIONS", "AsyncClient", "Client", "Operation", "Page", "Reply", "params", "schemas"]
