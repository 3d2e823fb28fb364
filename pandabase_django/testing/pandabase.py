"""A shop's store at a Pandabase of the test's own."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

from django.conf import settings as django_settings
from django.test import override_settings

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.tokens.connection import add_token
from pandabase_django.services.tokens.rates import forget_limits
from pandabase_django.testing.remote import Remote

__all__ = ["Pandabase"]


class Pandabase:
    """A store at a Pandabase, and the rows that this shop has of it.

    Use it as a context manager, inside a test that may use the database.

    Attributes:
        remote: The Pandabase: what happens there, and what goes wrong.
        token: The store's token, active here.
        store: The store.
    """

    remote: Remote
    token: ApiToken
    store: Store

    def __init__(self, *, seed: int = 1, served: bool = False, **settings: Any) -> None:
        """Prepare it; nothing answers before it is entered.

        Args:
            seed: The same seed gives the same ids. Give each test one of its own where tests share
                a cache.
            served: The Pandabase listens at a port of this machine, for workers in other processes.
            settings: The sandbox's (docs/sandbox.md), such as ``tax_included=True``.
        """
        self._options = {"seed": seed, "served": served, **settings}
        self._stack = ExitStack()

    def __enter__(self) -> Pandabase:
        with ExitStack() as stack:
            stack.enter_context(_with_a_key())
            self.remote = Remote(**self._options)
            stack.enter_context(self.remote.answering())
            sandbox = self.remote.sandbox
            given = sandbox.hmac_token
            self.token = add_token(
                store_id=sandbox.store_id,
                mode=given.mode,
                secret=Secret(given.secret),
                token_id=given.token_id,
                base_url=sandbox.url,
            )
            self.store = self.token.store
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


def _with_a_key() -> override_settings:
    """A key to seal the token with, where the settings have none."""
    given = getattr(django_settings, "PANDABASE", {})
    if given.get("ENCRYPTION_KEYS"):
        return override_settings()
    return override_settings(PANDABASE={**given, "ENCRYPTION_KEYS": [generate_key()]})
