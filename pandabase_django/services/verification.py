"""Asks the remote what a token may read: one small GET for each resource.

Nothing tells a token's permissions (Source: P-13), so they are tried. Writes are not: there is no
write that is safe to send only to see whether it is allowed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.api.operations import OPERATIONS
from pandabase_django.api.permissions import READ_PROBES
from pandabase_django.api.transport import Timeouts
from pandabase_django.exceptions import (
    InvalidCredential,
    MissingPermission,
    PandabaseError,
    RateLimited,
    TransportError,
)
from pandabase_django.models import ApiToken, Product, TokenPermission
from pandabase_django.services.clients import build_client, record_use

__all__ = ["Verification", "verify_permissions"]

TIMEOUTS = Timeouts(connect_seconds=3.0, read_seconds=5.0)  # a person waits
BUDGET_SECONDS = 20.0  # for all of them; what is left over then is told as not asked


@dataclass(frozen=True, slots=True)
class Verification:
    """What the remote was seen to allow.

    Attributes:
        granted: Codes that an answered call has shown.
        denied: Codes whose call was refused.
        unasked: Codes that could not be tried, or whose answer told nothing.
        error: What ended it before all were tried; "" when nothing did.
    """

    granted: tuple[str, ...]
    denied: tuple[str, ...]
    unasked: tuple[str, ...]
    error: str = ""


def verify_permissions(token: ApiToken) -> Verification:
    """Try each readable resource, and store what was seen. Takes at most about 20 seconds.

    Waits for the network: call it outside a transaction.

    Raises:
        SealError: The secret can't be opened.
    """
    product_id = (
        Product.objects.filter(store=token.store_id, gone_at__isnull=True)
        .values_list("pk", flat=True)
        .first()
    )
    granted: list[str] = []
    denied: list[str] = []
    unasked: list[str] = []
    error = ""
    deadline = time.monotonic() + BUDGET_SECONDS
    with build_client(token, timeouts=TIMEOUTS, retries=0) as client:
        for resource in READ_PROBES:
            code = f"{resource}_READ"
            if error or time.monotonic() > deadline:
                unasked.append(code)
                continue
            try:
                seen = _try(client, resource, product_id=product_id)
            except (InvalidCredential, TransportError, RateLimited) as failure:
                # The next call would fare no better.
                error, seen = str(failure), None
            {True: granted, False: denied, None: unasked}[seen].append(code)
    if granted or denied:
        record_use(token, granted=granted, denied=denied)
        TokenPermission.objects.filter(token=token, code__in=[*granted, *denied]).update(
            observed_at=timezone.now()
        )
    return Verification(tuple(granted), tuple(denied), tuple(unasked), error)


def _try(client: Client, resource: str, *, product_id: str | None) -> bool | None:
    operation = OPERATIONS[READ_PROBES[resource]]
    params: dict[str, str] = {}
    if "{product_id}" in operation.path:
        if product_id is None:
            return None
        params["product_id"] = product_id
    query = {"limit": 1} if "limit" in operation.query else {}
    try:
        client.request(operation, params=params, query=query)
    except MissingPermission as error:
        # A refusal that names other codes, or none, says nothing of this one.
        return False if operation.permission in error.codes else None
    except (InvalidCredential, TransportError, RateLimited):
        raise
    except PandabaseError:
        # An answer such as 404 may come before or after the permission was looked at.
        return None
    return True
