"""Clients that call with a token, and what a refused one means.

The thread that opens a client owns it: it alone asks the database. Other threads send requests
and hand a 401 back, since a thread of its own would open a database connection of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from pandabase_django.api.auth import BearerAuth, HmacAuth, Revealable
from pandabase_django.api.client import Client
from pandabase_django.api.transport import RETRIES, Timeouts, Transport
from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError, InvalidCredential, SecretMoved
from pandabase_django.models import ApiToken, RotationAttempt, Store, TokenPermission
from pandabase_django.services.rates import CacheRateState

__all__ = [
    "build_client",
    "client_for",
    "configured_timeouts",
    "declared_codes",
    "open_client",
    "record_use",
    "token_of",
]

logger = logging.getLogger(__name__)

USED_AT_PRECISION = timedelta(minutes=1)  # so that a busy token is not written at every request
SWAP_WAIT_SECONDS = 5.0  # a rotation that goes well has stored its secret by then
LOOK_EVERY_SECONDS = 0.1
UNDECIDED_RETRY_SECONDS = 60.0

_State = RotationAttempt.State
HURRIED_TIMEOUTS = Timeouts(connect_seconds=5.0, read_seconds=10.0)
ARRIVING = (_State.SENT, _State.JOURNALED, _State.VERIFIED)


@contextmanager
def client_for(
    store: Store | ApiToken, *, pool_size: int | None = None, hurried: bool = False
) -> Iterator[Client]:
    """A client that calls with a store's active token, or with the token given.

    A request that meets a 401 is sent once more when the token has a newer secret, or the store
    another active token. On leaving, what the calls have shown of the token's permissions is
    stored.

    Args:
        store: A store, or one of its tokens.
        pool_size: Connections kept open; None takes ``PANDABASE["CONCURRENCY"]``, and one for
            what is asked while all of them are busy.
        hurried: A person waits for the page: short time-outs, no second try, no wait for a limit.

    Raises:
        ConfigurationError: The store has no active token, or the token is retired.
        SealError: The secret can't be opened.
        SecretMoved: The credential was refused while its secret is being replaced.
        InvalidCredential: It was refused, and nobody replaces it: the token is SUSPECT now.
    """
    owner = _Owner(store, pool_size=pool_size, hurried=hurried)
    try:
        with owner.client as client:
            yield client
    except InvalidCredential as error:
        owner.judge(error)
        raise
    finally:
        owner.record()


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


def open_client(token: ApiToken) -> Client:
    """A bare client of a token, which records nothing. Prefer ``client_for``.

    Raises:
        ConfigurationError: The token is retired.
    """
    _refuse_retired(token)
    return build_client(
        token,
        declared=declared_codes(token),
        pool_size=conf.concurrency,
        timeouts=configured_timeouts(),
    )


def build_client(
    token: ApiToken,
    *,
    declared: frozenset[str] = frozenset(),
    pool_size: int = 1,
    timeouts: Timeouts,
    retries: int = RETRIES,
    max_wait_seconds: float | None = None,
    secret: Revealable | None = None,
    on_refused: Callable[[], BearerAuth | HmacAuth | None] = lambda: None,
) -> Client:
    """A client of a token as the row is; the token need not be saved.

    Args:
        token: Whose store, base URL and mode are used.
        declared: Its declared permissions.
        pool_size: Connections kept open.
        timeouts: See ``Timeouts``.
        retries: Further tries of a request that may be repeated.
        max_wait_seconds: Longest sleep for a rate limit; None takes the setting.
        secret: Signs instead of the token's own secret.
        on_refused: See ``Client``.
    """
    transport = Transport(
        base_url=token.base_url,
        auth=_auth(token, secret=secret or token.secret),
        store_id=token.store_id,
        token_key=str(token.pk),
        rate_state=CacheRateState(),
        timeouts=timeouts,
        pool_size=pool_size,
        max_wait_seconds=(
            conf.max_rate_limit_wait_seconds if max_wait_seconds is None else max_wait_seconds
        ),
        retries=retries,
    )
    return Client(transport, declared_permissions=declared, on_refused=on_refused)


def configured_timeouts() -> Timeouts:
    """Time-outs of the settings."""
    return Timeouts(
        connect_seconds=conf.connect_timeout_seconds, read_seconds=conf.read_timeout_seconds
    )


def declared_codes(token: ApiToken) -> frozenset[str]:
    """Permissions that a token's owner declares."""
    return frozenset(token.permissions.filter(declared=True).values_list("code", flat=True))


def record_use(token: ApiToken, *, granted: Iterable[str], denied: Iterable[str]) -> None:
    """Store that a token was used, and what its calls have shown of its permissions."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= USED_AT_PRECISION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    observed = dict.fromkeys(granted, TokenPermission.Observed.GRANTED)
    observed.update(dict.fromkeys(denied, TokenPermission.Observed.DENIED))
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


class _Owner:
    """Keeps one client's credential the newest there is."""

    def __init__(self, target: Store | ApiToken, *, pool_size: int | None, hurried: bool) -> None:
        self._target = target
        self._thread = threading.get_ident()
        self._token = target if isinstance(target, ApiToken) else token_of(target)
        _refuse_retired(self._token)
        self.client = build_client(
            self._token,
            declared=declared_codes(self._token),
            pool_size=pool_size or conf.concurrency + 1,
            timeouts=HURRIED_TIMEOUTS if hurried else configured_timeouts(),
            retries=0 if hurried else RETRIES,
            max_wait_seconds=0.0 if hurried else None,
            on_refused=self._newer_auth,
        )

    def judge(self, error: InvalidCredential) -> None:
        """Decide what a 401 means that no newer secret has answered.

        Raises:
            SecretMoved: Another secret is there, or on its way.
        """
        state = _undecided(self._token)
        newest = self._newest()
        if newest is not None and (state or _differs(newest, self._token)):
            raise SecretMoved(
                f"The secret of {self._token.name} was replaced while it was used."
            ) from None
        logger.error(
            "Pandabase refuses the token %s of %s; it is suspect now: %s",
            self._token.name,
            self._token.store_id,
            error,
        )
        # A secret replaced meanwhile is not the one that was refused.
        ApiToken.objects.filter(
            pk=self._token.pk, secret_version=self._token.secret_version
        ).update(health=ApiToken.Health.SUSPECT, health_reason=str(error))

    def record(self) -> None:
        """Store what the calls have shown."""
        record_use(self._token, granted=self.client.granted, denied=self.client.denied)

    def _newer_auth(self) -> BearerAuth | HmacAuth | None:
        if threading.get_ident() != self._thread:
            return None
        deadline = time.monotonic() + SWAP_WAIT_SECONDS
        while True:
            # In this order: a rotation that is over when it is asked for has stored its secret
            # by then, so the token that is read after it is the new one.
            state = _undecided(self._token)
            newest = self._newest()
            if newest is None:
                return None
            if _differs(newest, self._token):
                return self._adopt(newest)
            if state is None:
                return None
            if state not in ARRIVING or time.monotonic() > deadline:
                raise SecretMoved(
                    f"The secret of {newest.name} is being replaced.",
                    retry_after_seconds=UNDECIDED_RETRY_SECONDS,
                )
            time.sleep(LOOK_EVERY_SECONDS)

    def _newest(self) -> ApiToken | None:
        """The token to call with, as the database has it now; None when there is none."""
        if isinstance(self._target, ApiToken):
            found = ApiToken.objects.filter(pk=self._target.pk)
        else:
            found = ApiToken.objects.filter(store=self._target, role=ApiToken.Role.ACTIVE)
        return found.exclude(role=ApiToken.Role.RETIRED).first()

    def _adopt(self, newest: ApiToken) -> BearerAuth | HmacAuth:
        if newest.pk != self._token.pk:
            granted, denied = self.client.permit(declared=declared_codes(newest))
            record_use(self._token, granted=granted, denied=denied)
        self._token = newest
        return _auth(newest, secret=newest.secret)


def _undecided(token: ApiToken) -> str | None:
    """State of a rotation whose new secret may be the valid one already; None without one."""
    return (
        RotationAttempt.objects.filter(
            token=token, closed_at__isnull=True, state__in=[*ARRIVING, _State.WATCHING]
        )
        .values_list("state", flat=True)
        .first()
    )


def _differs(newest: ApiToken, token: ApiToken) -> bool:
    return (newest.pk, newest.secret_version) != (token.pk, token.secret_version)


def _auth(token: ApiToken, *, secret: Revealable) -> BearerAuth | HmacAuth:
    if token.mode == ApiToken.Mode.HMAC:
        return HmacAuth(token.token_id, secret)
    return BearerAuth(secret)


def _refuse_retired(token: ApiToken) -> None:
    if not token.is_usable:
        raise ConfigurationError(f"The token {token.name} is retired.")
