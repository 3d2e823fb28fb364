"""A store at a Pandabase of the test's own, connected to this shop as its owner connects it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from django.conf import settings as django_settings

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Store, WebhookEndpoint
from pandabase_django.sandbox import Sandbox, Token
from pandabase_django.services.tokens.connection import add_token
from pandabase_django.services.tokens.rates import forget_limits
from pandabase_django.services.webhooks.own_address import receiving_path
from pandabase_django.testing.clock import Clock
from pandabase_django.testing.remote import Remote
from pandabase_django.testing.worker import Worker

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Connection", "connect"]

SITE = "https://testserver"  # as Django's test client calls it


class Connection:
    """What is there as long as a test runs; see ``Pandabase``."""

    remote: Remote
    token: ApiToken
    store: Store
    endpoint: WebhookEndpoint | None

    _active: ClassVar[list[Connection]] = []
    _worker: Worker
    _clock: Clock

    def __init__(
        self, *, seed: int = 1, celery: bool = False, served: bool = False, **settings: Any
    ) -> None:
        """Prepare it; nothing answers before it is entered.

        Args:
            seed: The same seed gives the same ids. Give each test one of its own where tests share
                a cache.
            celery: Messages go to the broker, and a worker of yours does the work.
            served: The Pandabase listens at a port of this machine, for a worker in another
                process.
            settings: The sandbox's (docs/sandbox.md), such as ``tax_included=True``.
        """
        self._options = {"seed": seed, "served": served, **settings}
        self._celery = celery
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_with_a_key())
            self.remote = Remote(**self._options)
            stack.enter_context(self.remote.answering())
            self._share(stack)
            self._connect()
            # The next test may have a token with the same number.
            stack.callback(forget_limits, self.token)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _share(self, stack: ExitStack) -> None:
        """One worker and one clock serve all that are there at a time, each with its store."""
        if self._active:
            self._worker, self._clock = self._active[0]._worker, self._active[0]._clock
        else:
            self._worker, self._clock = Worker(), Clock()
            stack.enter_context(self._clock.running())
            if not self._celery:
                stack.enter_context(self._worker.employed())
        self._active.append(self)
        stack.callback(self._active.remove, self)

    def _connect(self) -> None:
        sandbox = self.remote.sandbox
        self.token = connect(sandbox)
        self.store = self.token.store
        self.endpoint = None
        # A project without the app's URLs gets no webhooks.
        endpoint = WebhookEndpoint(store=self.store, label="Tests")
        if path := receiving_path(endpoint.pk):
            made = sandbox.add_webhook(SITE + path)
            endpoint.secret = Secret(made["secret"])
            endpoint.save(force_insert=True)
            self.endpoint = endpoint


def connect(sandbox: Sandbox, given: Token | None = None, **options: Any) -> ApiToken:
    """Add a token of a sandbox as a store's owner would.

    Args:
        sandbox: Whose.
        given: Which one; None: its HMAC token.
        options: Of ``add_token``.
    """
    given = given or sandbox.hmac_token
    arguments = {
        "store_id": sandbox.store_id,
        "mode": given.mode,
        "secret": Secret(given.secret),
        "token_id": given.token_id,
        "base_url": sandbox.url,
        **options,
    }
    return add_token(**arguments)


@contextmanager
def _with_a_key() -> Iterator[None]:
    """A key to seal the token with, where the settings have none.

    It is put into the dict and taken out of it. An ``override_settings`` would come back when
    others of the test, such as those of pytest-django's ``settings``, end after it.
    """
    given = getattr(django_settings, "PANDABASE", {})
    if any(given.get("ENCRYPTION_KEYS", ())):
        yield
        return
    # An equal one stays, for it may be read-only; an empty one means as much as none.
    django_settings.PANDABASE = given = dict(given)
    with mock.patch.dict(given, ENCRYPTION_KEYS=[generate_key()]):
        yield
