"""Tokens: adding, testing, switching them, and the client that calls with one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.auth import BearerAuth, HmacAuth
from pandabase_django.api.client import Client
from pandabase_django.api.transport import Timeouts, normalise_base_url
from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    InvalidCredential,
    MissingPermission,
    PandabaseError,
    ProtocolError,
)
from pandabase_django.models import ApiToken, Store, TokenPermission
from pandabase_django.models.store import STORE_ID_PATTERN
from pandabase_django.models.token import TOKEN_ID_PATTERN
from pandabase_django.services.rates import CacheRateState

__all__ = [
    "ConnectionReport",
    "activate_token",
    "add_token",
    "client_for",
    "declare_permissions",
    "open_client",
    "retire_token",
    "test_connection",
    "token_of",
]

USED_AT_PRECISION = timedelta(minutes=1)  # so that a busy token is not written at every request
TEST_TIMEOUTS = Timeouts(connect_seconds=5.0, read_seconds=10.0)  # a person waits for it

_SECRET = re.compile(r"sk_[!-~]{1,500}\Z")
_PERMISSION = re.compile(r"[A-Z][A-Z0-9_]{0,99}\Z")


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What one signed request came to.

    Attributes:
        ok: The remote accepts the credential.
        message: One sentence for a person.
        status: HTTP status; None when no answer came.
        request_id: Of the answer.
        milliseconds: From request to answer.
    """

    ok: bool
    message: str
    status: int | None
    request_id: str
    milliseconds: int


@contextmanager
def client_for(store: Store | ApiToken, *, pool_size: int | None = None) -> Iterator[Client]:
    """A client that calls with a store's active token, or with the token given.

    On leaving, what the calls have shown of the token's permissions is stored. A 401 makes the
    token SUSPECT unless its secret was replaced meanwhile.

    Args:
        store: A store, or one of its tokens.
        pool_size: Connections kept open; None takes ``PANDABASE["CONCURRENCY"]``.

    Raises:
        ConfigurationError: The store has no active token, or the token is retired.
        SealError: The secret can't be opened.
    """
    token = store if isinstance(store, ApiToken) else token_of(store)
    client = open_client(token, pool_size=pool_size)
    try:
        with client:
            yield client
    except InvalidCredential as error:
        _suspect(token, str(error))
        raise
    finally:
        _record_use(token, client)


def token_of(store: Store) -> ApiToken:
    """The active token of a store.

    Raises:
        ConfigurationError: It has none.
    """
    token = ApiToken.objects.filter(store=store, role=ApiToken.Role.ACTIVE).first()
    if token is None:
        raise ConfigurationError(
            f"Store {store.pk} has no active token. Add one in the admin or with "
            "`manage.py pandabase_add_token`."
        )
    return token


def open_client(token: ApiToken, *, pool_size: int | None = None) -> Client:
    """A bare client of a token, which records nothing. Prefer ``client_for``.

    Raises:
        ConfigurationError: The token is retired.
    """
    if not token.is_usable:
        raise ConfigurationError(f"The token {token.name} is retired.")
    declared = token.permissions.filter(declared=True).values_list("code", flat=True)
    return _client(
        token,
        declared=frozenset(declared),
        pool_size=pool_size or conf.concurrency,
        timeouts=Timeouts(
            connect_seconds=conf.connect_timeout_seconds, read_seconds=conf.read_timeout_seconds
        ),
    )


def add_token(
    *,
    store_id: str,
    mode: str,
    secret: Secret,
    token_id: str = "",
    name: str = "",
    permissions: Iterable[str] = (),
    base_url: str = "",
    test: bool = True,
) -> ApiToken:
    """Test a credential and keep it. Makes the store's row when it is new.

    The first token of a store becomes ACTIVE, further ones STANDBY. When the test fails nothing
    is saved.

    Args:
        store_id: ``shp_…``
        mode: ``HMAC`` or ``BEARER``, in any case.
        secret: ``sk_…``
        token_id: ``stk_…``; HMAC needs it, and so does rotation.
        name: For people; empty takes the mode.
        permissions: Declared codes; none means that nothing is known and all are tried.
        base_url: Empty takes ``PANDABASE["API_URL"]``.
        test: Send one signed request first.

    Raises:
        ValueError: An argument is malformed; says which and why.
        PandabaseError: The test failed, or the secret can't be sealed.
    """
    mode = mode.strip().upper()
    store_id, token_id = store_id.strip(), token_id.strip()
    codes = _checked_codes(permissions)
    if not re.match(STORE_ID_PATTERN, store_id):
        raise ValueError("The store id must start with shp_ and go on with letters and digits.")
    if mode not in ApiToken.Mode.values:
        raise ValueError("The mode is HMAC or BEARER.")
    if mode == ApiToken.Mode.HMAC and not token_id:
        raise ValueError("An HMAC token needs its token id (stk_…).")
    if token_id and not re.match(TOKEN_ID_PATTERN, token_id):
        raise ValueError("The token id must start with stk_ and go on with letters and digits.")
    if not _SECRET.match(secret.reveal()):
        raise ValueError("The secret must start with sk_ and hold no white space.")
    token = ApiToken(
        store_id=store_id,
        name=name.strip() or f"{mode.title() if mode == 'BEARER' else mode} token",
        mode=mode,
        token_id=token_id,
        base_url=normalise_base_url(base_url or conf.api_url),
        secret=secret,
        secret_set_at=timezone.now(),
    )
    store = Store(id=store_id)
    client = _client(token, declared=frozenset(), pool_size=1, timeouts=TEST_TIMEOUTS)
    if test:
        with client:
            information = _probe(client)
        _describe(store, information)
        token.health = ApiToken.Health.OK
        token.last_tested_at = timezone.now()
    try:
        token.clean_fields(exclude=["store"])
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None
    with transaction.atomic():
        Store.objects.get_or_create(
            pk=store_id,
            defaults={
                name: getattr(store, name) for name in ("title", "handle", "currency", "country")
            },
        )
        _lock_store(store_id)
        siblings = ApiToken.objects.filter(store_id=store_id)
        active = siblings.filter(role=ApiToken.Role.ACTIVE).exists()
        token.role = ApiToken.Role.STANDBY if active else ApiToken.Role.ACTIVE
        token.save(force_insert=True)
        declare_permissions(token, codes)
    if test:
        _record_use(token, client)
    return token


def test_connection(token: ApiToken) -> ConnectionReport:
    """Send one signed GET, and note what it tells of the token's health.

    A 403 is a good answer to this question: the remote knew the credential.
    """
    started = time.monotonic()
    try:
        if not token.is_usable:
            raise ConfigurationError(f"The token {token.name} is retired.")
        client = _client(token, declared=frozenset(), pool_size=1, timeouts=TEST_TIMEOUTS)
        with client:
            information = _probe(client)
        _record_use(token, client)
        ok, message, status, request_id = True, "The remote accepts this credential.", 200, ""
        if information is None:
            message, status = "The credential is accepted; it lacks STORE_READ.", 403
    except APIError as error:
        ok, message, status, request_id = False, str(error), error.status, error.request_id
    except (PandabaseError, ConfigurationError) as error:
        ok, message, status, request_id = False, str(error), None, ""
    if ok:
        health, reason = ApiToken.Health.OK, ""
    elif status == 401:
        health, reason = ApiToken.Health.SUSPECT, message
    else:
        # The network or the remote failed, not the credential.
        health, reason = ApiToken.Health(token.health), token.health_reason
    ApiToken.objects.filter(pk=token.pk, secret_version=token.secret_version).update(
        health=health, health_reason=reason, last_tested_at=timezone.now()
    )
    token.refresh_from_db(fields=["health", "health_reason", "last_tested_at"])
    return ConnectionReport(
        ok=ok,
        message=message,
        status=status,
        request_id=request_id,
        milliseconds=round((time.monotonic() - started) * 1000),
    )


def declare_permissions(token: ApiToken, codes: Iterable[str]) -> None:
    """Make these the declared permissions of a token; what was observed stays.

    Raises:
        ValueError: A code is malformed.
    """
    wanted = _checked_codes(codes)
    with transaction.atomic():
        token.permissions.exclude(code__in=wanted).update(declared=False)
        TokenPermission.objects.bulk_create(
            [TokenPermission(token=token, code=code, declared=True) for code in sorted(wanted)],
            update_conflicts=True,
            unique_fields=["token", "code"],
            update_fields=["declared"],
        )


def activate_token(token: ApiToken) -> None:
    """Make this the token its store is called with; the one before becomes STANDBY."""
    with transaction.atomic():
        _lock_store(token.store_id)
        siblings = ApiToken.objects.filter(store_id=token.store_id)
        siblings.filter(role=ApiToken.Role.ACTIVE).exclude(pk=token.pk).update(
            role=ApiToken.Role.STANDBY
        )
        siblings.filter(pk=token.pk).update(role=ApiToken.Role.ACTIVE)
    token.refresh_from_db(fields=["role"])


def retire_token(token: ApiToken) -> None:
    """Never call with this token again. Its history and all mirrored rows stay."""
    with transaction.atomic():
        _lock_store(token.store_id)
        ApiToken.objects.filter(pk=token.pk).update(role=ApiToken.Role.RETIRED)
    token.refresh_from_db(fields=["role"])


def _client(
    token: ApiToken, *, declared: frozenset[str], pool_size: int, timeouts: Timeouts
) -> Client:
    auth = (
        HmacAuth(token.token_id, token.secret)
        if token.mode == ApiToken.Mode.HMAC
        else BearerAuth(token.secret)
    )
    return Client(
        store_id=token.store_id,
        base_url=token.base_url,
        auth=auth,
        token_key=str(token.pk),
        declared_permissions=declared,
        rate_state=CacheRateState(),
        timeouts=timeouts,
        pool_size=pool_size,
        max_wait_seconds=conf.max_rate_limit_wait_seconds,
    )


def _probe(client: Client) -> schemas.StoreInfo | None:
    """Read the store; None when the credential is good but may not."""
    try:
        return client.store.get()
    except MissingPermission:
        return None
    except ProtocolError as error:
        raise ProtocolError(
            f"{error} Is this the address of the Store API?", request_id=error.request_id
        ) from None


def _describe(store: Store, information: schemas.StoreInfo | None) -> None:
    if information is not None:
        store.title = information.title or ""
        store.handle = information.handle or ""
        store.currency = (information.currency or "")[:16]
        store.country = (information.country or "")[:64]


def _suspect(token: ApiToken, reason: str) -> None:
    # A secret replaced meanwhile is not the one that was refused.
    ApiToken.objects.filter(pk=token.pk, secret_version=token.secret_version).update(
        health=ApiToken.Health.SUSPECT, health_reason=reason
    )


def _record_use(token: ApiToken, client: Client) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= USED_AT_PRECISION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    observed = dict.fromkeys(client.granted, TokenPermission.Observed.GRANTED)
    observed.update(dict.fromkeys(client.denied, TokenPermission.Observed.DENIED))
    known = dict(token.permissions.filter(code__in=observed).values_list("code", "observed"))
    moved = [
        TokenPermission(token=token, code=code, observed=value, observed_at=now)
        for code, value in observed.items()
        if known.get(code) != value
    ]
    TokenPermission.objects.bulk_create(
        moved,
        update_conflicts=True,
        unique_fields=["token", "code"],
        update_fields=["observed", "observed_at"],
    )


def _lock_store(store_id: str) -> None:
    # One statement that locks on every database, SQLite included.
    Store.objects.filter(pk=store_id).update(enabled=F("enabled"))


def _checked_codes(codes: Iterable[str]) -> set[str]:
    wanted = {code.strip().upper() for code in codes if code.strip()}
    for code in wanted:
        if not _PERMISSION.match(code):
            raise ValueError(f"{code[:100]!r} is not a permission code.")
    return wanted
