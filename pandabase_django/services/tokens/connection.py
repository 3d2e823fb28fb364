"""Tokens: adding, testing and switching them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.base_url import normalise_base_url
from pandabase_django.api.client import Client
from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    InvalidCredential,
    MissingPermission,
    OtherEnvironment,
    PandabaseError,
    ProtocolError,
)
from pandabase_django.models import ApiToken, Store, TokenPermission
from pandabase_django.models.stores import STORE_ID_PATTERN
from pandabase_django.models.tokens import SECRET_PATTERN, TOKEN_ID_PATTERN
from pandabase_django.services.tokens.addresses import mark_of, refuse_other_mark
from pandabase_django.services.tokens.building import build_client, configured_policy
from pandabase_django.services.tokens.clients import record_use
from pandabase_django.services.tokens.holding import refuse_foreign
from pandabase_django.services.tokens.roles import activate_token, lock_store, namesake

__all__ = [
    "ConnectionReport",
    "activate_token",
    "add_token",
    "check_secret",
    "checked_codes",
    "declare_permissions",
    "retire_token",
    "test_connection",
]

TEST_TIMEOUTS = Timeouts(connect_seconds=5.0, read_seconds=10.0)  # a person waits for it

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
        refused: The remote itself refuses the credential.
        held: Nothing was asked: the token is of another environment.
    """

    ok: bool
    message: str
    status: int | None
    request_id: str
    milliseconds: int
    refused: bool = False
    held: bool = False


def add_token(
    *,
    store_id: str,
    mode: str,
    secret: Secret,
    token_id: str = "",
    name: str = "",
    permissions: Iterable[str] = (),
    base_url: str = "",
    rotate_after_days: int | None = None,
    test: bool = True,
) -> ApiToken:
    """Test a credential and keep it. Makes the store's row when it is new.

    The first token that a store ever has becomes ACTIVE, further ones STANDBY: the right to
    add a token is no right to decide what a store is called with. Nothing is saved when the test
    fails.

    Args:
        store_id: ``shp_…``
        mode: ``HMAC`` or ``BEARER``, in any case.
        secret: ``sk_…``
        token_id: ``stk_…``; HMAC needs it, and so does rotation.
        name: For people; empty takes the mode.
        permissions: Declared codes; none means that nothing is known and all are tried.
        base_url: Empty takes ``PANDABASE["API_URL"]``.
        rotate_after_days: Rotate its secret at this age; None for by hand alone.
        test: Send one signed request first.

    Raises:
        ValueError: An argument is malformed; says which and why.
        PandabaseError: The test failed, or the secret can't be sealed.
    """
    mode = mode.strip().upper()
    store_id, token_id = store_id.strip(), token_id.strip()
    codes = checked_codes(permissions)
    if not re.match(STORE_ID_PATTERN, store_id):
        raise ValueError("The store id must start with shp_ and go on with letters and digits.")
    if mode not in ApiToken.Mode.values:
        raise ValueError("The mode is HMAC or BEARER.")
    if mode == ApiToken.Mode.HMAC and not token_id:
        raise ValueError("An HMAC token needs its token id (stk_…).")
    if token_id and not re.match(TOKEN_ID_PATTERN, token_id):
        raise ValueError("The token id must start with stk_ and go on with letters and digits.")
    check_secret(secret)
    token = ApiToken(
        store_id=store_id,
        name=name.strip() or f"{mode.title() if mode == 'BEARER' else mode} token",
        mode=mode,
        token_id=token_id,
        base_url=normalise_base_url(base_url or conf.api_url),
        secret=secret,
        secret_set_at=timezone.now(),
        rotate_after_days=rotate_after_days,
        environment=conf.environment,
    )
    _refuse_namesake(token)
    refuse_other_mark(store_id, token.base_url)
    store = Store(id=store_id, mark=mark_of(token.base_url))
    client = build_client(token, policy=configured_policy(timeouts=TEST_TIMEOUTS))
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
                name: getattr(store, name)
                for name in ("title", "handle", "currency", "country", "mark")
            },
        )
        lock_store(store_id)
        _refuse_namesake(token)
        # Retired ones count: a token is never deleted.
        first = not ApiToken.objects.filter(store_id=store_id).exists()
        token.role = ApiToken.Role.ACTIVE if first else ApiToken.Role.STANDBY
        token.save(force_insert=True)
        declare_permissions(token, codes)
    if test:
        record_use(token, granted=client.granted, denied=client.denied)
    return token


def check_secret(secret: Secret) -> None:
    """Refuse what can't be the secret of a token.

    Raises:
        ValueError: Says why.
    """
    if not re.match(SECRET_PATTERN, secret.reveal()):
        raise ValueError("The secret must start with sk_ and hold no white space.")


def _refuse_namesake(token: ApiToken) -> None:
    other = namesake(token)
    if other is not None:
        raise ValueError(
            f"{other.name} has the token id {token.token_id} already. Install its new secret "
            "there, or disable it first."
        )


def test_connection(token: ApiToken) -> ConnectionReport:
    """Send one signed GET, and note what it shows of the token's health.

    A 403 is a good answer to this question: the remote knew the credential.
    """
    try:
        refuse_foreign(token)
    except OtherEnvironment as error:
        # Nothing was asked, so nothing is noted of its health.
        return ConnectionReport(
            ok=False, message=str(error), status=None, request_id="", milliseconds=0, held=True
        )
    started = time.monotonic()
    refused = False
    try:
        if not token.is_usable:
            raise ConfigurationError(f"The token {token.name} is retired.")
        client = build_client(token, policy=configured_policy(timeouts=TEST_TIMEOUTS))
        with client:
            information = _probe(client)
        record_use(token, granted=client.granted, denied=client.denied)
        ok, message, status, request_id = True, "The remote accepts this credential.", 200, ""
        if information is None:
            message, status = "The credential is accepted; it lacks STORE_READ.", 403
    except APIError as error:
        refused = isinstance(error, InvalidCredential)
        ok, message, status, request_id = False, str(error), error.status, error.request_id
    except (PandabaseError, ConfigurationError) as error:
        ok, message, status, request_id = False, str(error), None, ""
    tested = ApiToken.objects.filter(pk=token.pk, secret_version=token.secret_version)
    tested.update(last_tested_at=timezone.now())
    if ok:
        tested.update(health=ApiToken.Health.OK, health_reason="")
    elif refused:
        tested.update(health=ApiToken.Health.SUSPECT, health_reason=message)
    else:
        # The network or the remote failed, not the credential: one that a call has found refused,
        # maybe meanwhile, stays so.
        tested.usable().exclude(health=ApiToken.Health.SUSPECT).update(
            health=ApiToken.Health.FAILED, health_reason=message
        )
    token.refresh_from_db(fields=["health", "health_reason", "last_tested_at"])
    return ConnectionReport(
        ok=ok,
        message=message,
        status=status,
        request_id=request_id,
        milliseconds=round((time.monotonic() - started) * 1000),
        refused=refused,
    )


def declare_permissions(token: ApiToken, codes: Iterable[str]) -> None:
    """Make these the declared permissions of a token; what was observed stays.

    Raises:
        ValueError: A code is malformed.
    """
    wanted = checked_codes(codes)
    with transaction.atomic():
        # In the order in which workers write what they observe.
        list(token.permissions.order_by("code").select_for_update(no_key=True))
        token.permissions.exclude(code__in=wanted).update(declared=False)
        TokenPermission.objects.bulk_create(
            [TokenPermission(token=token, code=code, declared=True) for code in sorted(wanted)],
            update_conflicts=True,
            unique_fields=["token", "code"],
            update_fields=["declared"],
        )


def retire_token(token: ApiToken) -> None:
    """Never call with this token again. Its history and all mirrored rows stay.

    An open rotation of it is closed: nobody needs its secret any more.
    """
    with transaction.atomic():
        lock_store(token.store_id)
        ApiToken.objects.filter(pk=token.pk).update(role=ApiToken.Role.RETIRED)
        token.rotations.open().end(outcome="Closed: the token was disabled.", at=timezone.now())
    token.refresh_from_db(fields=["role"])


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


def checked_codes(codes: Iterable[str]) -> set[str]:
    """Permission codes in capitals, without spaces around them.

    Raises:
        ValueError: One is no code; names it.
    """
    wanted = {code.strip().upper() for code in codes if code.strip()}
    for code in wanted:
        if not _PERMISSION.match(code):
            raise ValueError(f"{code[:100]!r} is not a permission code.")
    return wanted
