"""What a token is allowed, and what it lacks: decided here, from what is declared and observed.

No call reports a token's permissions (Source: P-13), so each is tried with one small GET. Writes
are not tried: no write is safe to send only to see whether it is allowed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.api.operations import OPERATIONS, Operation
from pandabase_django.api.permissions import READ_PROBES
from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    InvalidCredential,
    MissingPermission,
    PandabaseError,
    RateLimited,
    TransportError,
)
from pandabase_django.models import ApiToken, Product, TokenPermission
from pandabase_django.services.tokens.building import build_client, configured_policy
from pandabase_django.services.tokens.clients import record_use

__all__ = [
    "NEEDED_BY_SYNCS",
    "Permission",
    "Tried",
    "Verification",
    "granted_codes",
    "known_to_lack",
    "lacking",
    "missing_permissions",
    "permissions_of",
    "try_permissions",
    "verify_permissions",
    "what_lacks",
]

TIMEOUTS = Timeouts(connect_seconds=3.0, read_seconds=5.0)  # a person waits
BUDGET_SECONDS = 20.0  # for all of them; what is left over then is reported as not asked
TRY_TIMEOUTS = Timeouts(connect_seconds=5.0, read_seconds=10.0)  # a rotation waits

NEEDED_BY_SYNCS = {
    "PRODUCTS_READ": False,
    "ORDERS_READ": False,
    "CATEGORIES_READ": False,
    "REFUNDS_READ": True,
    "DISPUTES_READ": True,
}
"""What syncs read, and whether they find the same rows without."""


class Permission(NamedTuple):
    """A permission of a token, without the rest of its row.

    Attributes:
        code: Such as ORDERS_READ.
        declared: The token's owner says that it has it.
        observed: A value of ``TokenPermission.Observed``: what calls have shown.
    """

    code: str
    declared: bool
    observed: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the remote was seen to allow.

    Attributes:
        granted: Codes that an answered call has shown.
        denied: Codes whose call was refused.
        unasked: Codes that could not be tried, or whose answer showed nothing.
        error: What ended it before all were tried; "" when nothing did.
    """

    granted: tuple[str, ...]
    denied: tuple[str, ...]
    unasked: tuple[str, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying permissions has shown.

    Attributes:
        lacking: Codes the remote refused.
        unclear: Codes whose call gave no clear answer.
        untried: Codes that no harmless call needs.
    """

    lacking: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    untried: frozenset[str] = frozenset()


def granted_codes(token: ApiToken) -> set[str]:
    """Permissions that calls of this token have used."""
    return set(
        token.permissions.filter(observed=TokenPermission.Observed.GRANTED).values_list(
            "code", flat=True
        )
    )


def permissions_of(token: ApiToken) -> list[Permission]:
    """What is known of a token's permissions, in one query."""
    rows = token.permissions.order_by().values_list("code", "declared", "observed")
    return [Permission(*row) for row in rows]


def lacking(permissions: Iterable[Permission], codes: Iterable[str]) -> list[str]:
    """Those of the codes that a token with these permissions is known to lack, in their order.

    A code is lacking when a call was refused for it, or when the token declares some codes and
    not this one. A call that was allowed counts for more than a missing declaration.
    """
    rows = {row.code: row for row in permissions}
    declares = any(row.declared for row in rows.values())
    found: list[str] = []
    for code in codes:
        row = rows.get(code)
        denied = row is not None and row.observed == TokenPermission.Observed.DENIED
        granted = row is not None and row.observed == TokenPermission.Observed.GRANTED
        declared = row is not None and row.declared
        if denied or (declares and not declared and not granted):
            found.append(code)
    return found


def known_to_lack(token: ApiToken, codes: Iterable[str]) -> list[str]:
    """The same of a token."""
    return lacking(permissions_of(token), codes)


def missing_permissions(token: ApiToken) -> list[str]:
    """Codes that syncs need and this token is known to lack, the indispensable ones first."""
    return known_to_lack(token, NEEDED_BY_SYNCS)


def what_lacks(tried: Tried, *, token: ApiToken, wanted: set[str]) -> str:
    """What keeps a token from taking another one's place, in one sentence; "" when nothing does.

    A permission to write can't be tried without writing: what is known of the token decides.
    """
    unseen = known_to_lack(token, tried.untried & wanted)
    lacking = sorted((tried.lacking & wanted).union(unseen))
    if lacking:
        return f"{token.name} lacks {', '.join(lacking)}, which the active token is used for."
    if tried.unclear & wanted:
        return f"Whether {token.name} has {', '.join(sorted(tried.unclear & wanted))} is unclear."
    return ""


def try_permissions(token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
    """Try what a secret is allowed, with one harmless GET for each code. Stores nothing."""
    lacking: set[str] = set()
    unclear: set[str] = set()
    untried: set[str] = set()
    policy = configured_policy(timeouts=TRY_TIMEOUTS, retries=1)
    with build_client(token, policy=policy, secret=secret) as client:
        for code in codes:
            operation = _harmless_operation(code)
            if operation is None:
                untried.add(code)
                continue
            try:
                allowed = _is_allowed(client, operation)
            except PandabaseError:
                allowed = None
            if allowed is None:
                unclear.add(code)
            elif not allowed:
                lacking.add(code)
    return Tried(frozenset(lacking), frozenset(unclear), frozenset(untried))


def _harmless_operation(code: str) -> Operation | None:
    """A GET of the store alone that needs this permission; None when there is none."""
    name = READ_PROBES.get(code.removesuffix("_READ")) if code.endswith("_READ") else None
    operation = OPERATIONS[name] if name else None
    return operation if operation is not None and operation.path.count("{") == 1 else None


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
    policy = configured_policy(timeouts=TIMEOUTS, retries=0)
    with build_client(token, policy=policy) as client:
        for resource in READ_PROBES:
            code = f"{resource}_READ"
            operation = OPERATIONS[READ_PROBES[resource]]
            of_a_product = "{product_id}" in operation.path
            no_product = of_a_product and product_id is None
            if error or no_product or time.monotonic() > deadline:
                unasked.append(code)
                continue
            params = {"product_id": product_id or ""} if of_a_product else {}
            try:
                seen = _is_allowed(client, operation, params)
            except PandabaseError as failure:
                error, seen = str(failure), None
            {True: granted, False: denied, None: unasked}[seen].append(code)
    if granted or denied:
        record_use(token, granted=granted, denied=denied)
        TokenPermission.objects.filter(token=token, code__in=[*granted, *denied]).update(
            observed_at=timezone.now()
        )
    return Verification(tuple(granted), tuple(denied), tuple(unasked), error)


def _is_allowed(
    client: Client, operation: Operation, params: Mapping[str, str] = MappingProxyType({})
) -> bool | None:
    """Whether a call is allowed; None when its answer does not show it.

    Raises:
        PandabaseError: The next call would fare no better.
    """
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
