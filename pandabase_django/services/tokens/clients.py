"""Clients that call with a token, and what a refused one means.

The thread that opens a client owns it: it alone asks the database. Other threads send requests
and hand a 401 back, since a thread of its own would open a database connection of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from pandabase_django.api.auth import BearerAuth, HmacAuth
from pandabase_django.api.client import Client
from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError, InvalidCredential, SecretMoved
from pandabase_django.models import ApiToken, RotationAttempt, Store, TokenPermission
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.erasures.scrubber import scrubber_of
from pandabase_django.services.tokens.building import (
    HURRIED,
    auth_of,
    build_client,
    configured_policy,
)
from pandabase_django.services.tokens.holding import refuse_foreign
from pandabase_django.services.tokens.roles import active_token

__all__ = [
    "SWAP_WAIT_SECONDS",
    "Newer",
    "Owner",
    "client_for",
    "declared_codes",
    "open_client",
    "record_use",
    "token_of",
]

logger = get_logger(__name__)

Newer = Callable[[], BearerAuth | HmacAuth | None]

USED_AT_PRECISION = timedelta(minutes=1)  # so that a busy token is not written at every request
SWAP_WAIT_SECONDS = 5.0  # a rotation that goes well has stored its secret by then
LOOK_EVERY_SECONDS = 0.1
UNDECIDED_RETRY_SECONDS = 60.0


def client_for(
    store: Store | ApiToken, *, pool_size: int | None = None, hurried: bool = False
) -> AbstractContextManager[Client]:
    """A client that calls with a store's active token, or with the token given::

        with client_for(store) as client:
            order = client.orders.get("ord_…")

    A request that meets a 401 is sent once more when the token has a newer secret, or the store
    another active token. On leaving, what the calls have shown of the token and its permissions is
    stored: a suspect one whose last call was answered is well again.

    Args:
        store: A store, or one of its tokens.
        pool_size: Connections kept open; None takes ``PANDABASE["CONCURRENCY"]``, and one for
            what is asked while all of them are busy.
        hurried: A person waits for the page: short time-outs, no second try, no wait for a limit.

    Raises:
        ConfigurationError: The store has no active token, or the token is retired.
        OtherEnvironment: The token is of another environment, and not confirmed for this one.
        SealError: The secret can't be opened.
        SecretMoved: The credential was refused while its secret is being replaced.
        InvalidCredential: It was refused, and nobody replaces it: the token is SUSPECT now. One
            that another client met, or that was raised for another reason, judges nothing here.
    """
    return _Unopened(_opened(store, pool_size=pool_size, hurried=hurried))


@contextmanager
def _opened(store: Store | ApiToken, *, pool_size: int | None, hurried: bool) -> Iterator[Client]:
    owner = Owner(store, pool_size=pool_size, hurried=hurried)
    try:
        with owner.client as client:
            yield client
    except InvalidCredential as error:
        if error.client_id == owner.client.client_id:
            owner.judge(error)
        raise
    finally:
        owner.record()


def token_of(store: Store) -> ApiToken:
    """The active token of a store.

    Raises:
        ConfigurationError: It has none.
    """
    token = active_token(store.pk)
    if token is None:
        raise ConfigurationError(
            f"Store {store.pk} has no active token. Add one, or make one active, in the admin or "
            "with `manage.py pandabase_add_token --activate`."
        )
    return token


def open_client(token: ApiToken) -> Client:
    """A bare client of a token, which records nothing. Prefer ``client_for``.

    Raises:
        ConfigurationError: The token is retired.
        OtherEnvironment: The token is of another environment.
    """
    _refuse_retired(token)
    client = build_client(
        token,
        policy=configured_policy(),
        declared=declared_codes(token),
        pool_size=conf.concurrency,
    )
    client.scrub = scrubber_of(token.store_id)
    return client


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
        # In one order, so that two workers never wait for each other's rows.
        for code, value in sorted(observed.items())
        if known.get(code) != value
    ]
    TokenPermission.objects.bulk_create(
        moved,
        update_conflicts=True,
        unique_fields=["token", "code"],
        update_fields=["observed", "observed_at"],
    )


class _Unopened(AbstractContextManager[Client, None]):
    """What ``client_for`` gives: it becomes a client by ``with``, and says so to whoever forgot."""

    def __init__(self, opened: AbstractContextManager[Client, bool | None]) -> None:
        self._opened = opened

    def __enter__(self) -> Client:
        return self._opened.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"No client is open yet to ask for {name!r}: write "
            "`with client_for(store) as client:` and use client inside."
        )


class Owner:
    """Keeps one client's credential the newest there is. Of one thread, which asks the database.

    Args:
        target: A store, or one of its tokens.
        pool_size: See ``client_for``.
        hurried: See ``client_for``.
        handed: Makes of ``newer_auth`` what other threads may call; None for nothing.
    """

    def __init__(
        self,
        target: Store | ApiToken,
        *,
        pool_size: int | None,
        hurried: bool,
        handed: Callable[[Newer], Newer] | None = None,
    ) -> None:
        self._target = target
        self._thread = threading.get_ident()
        self._token = target if isinstance(target, ApiToken) else token_of(target)
        _refuse_retired(self._token)
        self.client = build_client(
            self._token,
            policy=HURRIED if hurried else configured_policy(),
            declared=declared_codes(self._token),
            pool_size=pool_size or conf.concurrency + 1,
            on_refused=handed(self.newer_auth) if handed else self.newer_auth,
        )
        self.client.scrub = scrubber_of(self._token.store_id)

    def judge(self, error: InvalidCredential) -> None:
        """Decide what a 401 means that no newer secret has answered.

        Raises:
            SecretMoved: Another secret is there, or on its way.
        """
        state = _undecided(self._token)
        newest = self._newest()
        outdated = error.generation != self.client.generation
        if newest is not None and (state or outdated or _differs(newest, self._token)):
            raise SecretMoved(
                f"The secret of {self._token.name} was replaced while it was used."
            ) from None
        logger.error(
            "Pandabase refuses the token %s of %s; it is suspect now: %s",
            self._token.name,
            self._token.store_id,
            error,
            extra=facts(store=self._token.store_id),
        )
        # A secret replaced meanwhile is not the one that was refused.
        ApiToken.objects.filter(
            pk=self._token.pk, secret_version=self._token.secret_version
        ).update(health=ApiToken.Health.SUSPECT, health_reason=str(error))

    def record(self) -> None:
        """Store what the calls have shown."""
        record_use(self._token, granted=self.client.granted, denied=self.client.denied)
        if self.client.accepted:
            _clear_suspicion(self._token)

    def newer_auth(self) -> BearerAuth | HmacAuth | None:
        """The newest credential; None where it is the one in use, and in any other thread.

        Raises:
            SecretMoved: It is being replaced.
        """
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
            if state not in RotationAttempt.ARRIVING or time.monotonic() > deadline:
                raise SecretMoved(
                    f"The secret of {newest.name} is being replaced.",
                    retry_after_seconds=UNDECIDED_RETRY_SECONDS,
                )
            time.sleep(LOOK_EVERY_SECONDS)

    def _newest(self) -> ApiToken | None:
        """The token to call with, as the database has it now; None when there is none."""
        if isinstance(self._target, ApiToken):
            return ApiToken.objects.usable().filter(pk=self._target.pk).first()
        return active_token(self._target.pk)

    def _adopt(self, newest: ApiToken) -> BearerAuth | HmacAuth:
        refuse_foreign(newest)
        if newest.pk != self._token.pk:
            granted, denied = self.client.permit(declared=declared_codes(newest))
            record_use(self._token, granted=granted, denied=denied)
        self._token = newest
        return auth_of(newest, secret=newest.secret)


def _clear_suspicion(token: ApiToken) -> None:
    """Note that a refused secret, or one whose test failed, is good.

    Not while a rotation is open that was sent: it may have killed the secret since.
    """
    sent = RotationAttempt.objects.open().filter(token=OuterRef("pk"), sent_at__isnull=False)
    ApiToken.objects.filter(
        ~Exists(sent),
        pk=token.pk,
        secret_version=token.secret_version,
        health__in=(ApiToken.Health.SUSPECT, ApiToken.Health.FAILED),
    ).update(health=ApiToken.Health.OK, health_reason="")


def _undecided(token: ApiToken) -> str | None:
    """State of a rotation whose new secret may be the valid one already; None without one."""
    return (
        RotationAttempt.objects.open()
        .filter(token=token, state__in=RotationAttempt.UNDECIDED)
        .values_list("state", flat=True)
        .first()
    )


def _differs(newest: ApiToken, token: ApiToken) -> bool:
    return (newest.pk, newest.secret_version) != (token.pk, token.secret_version)


def _refuse_retired(token: ApiToken) -> None:
    if not token.is_usable:
        raise ConfigurationError(f"The token {token.name} is retired.")
