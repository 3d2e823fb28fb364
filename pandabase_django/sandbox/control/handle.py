"""What a program that holds the sandbox does to it: the control path without requests."""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.api.bodies import EVENT_TYPES
from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.api.webhook_writes import add_webhook
from pandabase_django.sandbox.control.changes import apply_changes
from pandabase_django.sandbox.control.dump import dump_objects
from pandabase_django.sandbox.control.endpoint import Control
from pandabase_django.sandbox.faults.rules import Faults
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.tokens import ALL_PERMISSIONS, Token, TokenRegistry
from pandabase_django.sandbox.webhooks.deliveries import Deliveries, Post
from pandabase_django.sandbox.webhooks.signatures import signing_secret

__all__ = ["Handle"]


class Handle:
    """The methods of a sandbox that change it, break it, or look into it."""

    state: StoreState
    _services: Services
    _tokens: TokenRegistry
    _faults: Faults
    _control: Control
    _deliveries: Deliveries
    _delivers: bool

    @property
    def settings(self) -> Settings:
        """How it behaves now; :meth:`set` changes that."""
        return self._services.settings

    @property
    def requests_served(self) -> int:
        """Requests to the Store API so far; control calls don't count."""
        return self._services.log.total

    def requests(self, *, since: int = 0) -> list[Json]:
        """The last requests to the Store API, without secrets, oldest first."""
        return self._services.log.since(since)

    def change(self, changes: list[Json]) -> list[str]:
        """Change the store; returns the ids touched.

        Raises:
            ChangeRefused: Unknown operation or object.
        """
        return apply_changes(self.state, changes, settings=self._services.settings)

    def fault(self, rules: list[Json]) -> list[int]:
        """Add fault rules; returns their numbers.

        Raises:
            RuleRefused: Unknown action or condition.
        """
        return self._faults.add(rules)

    def clear_faults(self) -> None:
        """Forget all fault rules."""
        self._faults.clear()

    def set(self, **settings: Any) -> None:
        """Change settings.

        Raises:
            ValueError: Unknown setting, or a value of the wrong kind.
        """
        self._services.settings.update(settings)

    def set_clock(self, ms: int | None) -> None:
        """Stop the clock of changes (milliseconds since 1970), or let it run again (None)."""
        self.state.clock.set(ms)
        self._services.note()

    def pass_time(self, *, seconds: float) -> None:
        """Let time pass on the clock of changes, at once, and for deliveries sent by hand."""
        self.state.clock.move_on(round(seconds * 1000))
        if not self._delivers:
            self._deliveries.pass_time(seconds=seconds)
        self._services.note()

    def add_token(
        self,
        *,
        mode: str = "HMAC",
        permissions: tuple[str, ...] = ALL_PERMISSIONS,
        secret: str | None = None,
    ) -> Token:
        """Add a token to the store.

        Raises:
            ValueError: Unknown mode, or the store has 25 tokens.
        """
        token = self._tokens.add(mode=mode, permissions=permissions, secret=secret)
        self._services.note()
        return token

    def permit_token(self, token_id: str, permissions: tuple[str, ...]) -> None:
        """Give a token these permissions and no others.

        Raises:
            LookupError: No such token.
        """
        self._tokens.permit(token_id, permissions)
        self._services.note()

    def revoke_token(self, token_id: str) -> bool:
        """Revoke a token; False when there was none."""
        revoked = self._tokens.revoke(token_id)
        self._services.note()
        return revoked

    def secret_of(self, token_id: str) -> str:
        """The secret of a token as it is now.

        Raises:
            LookupError: No such token.
        """
        token = self._tokens.find(token_id)
        if token is None:
            raise LookupError(token_id)
        return token.secret

    def add_webhook(
        self,
        url: str,
        *,
        event_types: tuple[str, ...] = EVENT_TYPES,
        signature_version: str = "V2",
    ) -> Json:
        """Make a webhook endpoint, http allowed; the answer holds the signing secret.

        Raises:
            ValueError: The URL is not http or https, or an event type or the version is unknown.
        """
        return add_webhook(
            self.state, url=url, event_types=event_types, signature_version=signature_version
        )

    def webhook_to(self, url: str, *, signature_version: str) -> Json | None:
        """The endpoint with this address, as :meth:`add_webhook` answers; None: there is none."""
        with self.state.lock:
            for index, item in self.state.webhooks.every():
                shown = item.payload
                wanted = (shown["url"], shown["signatureVersion"]) == (url, signature_version)
                if wanted and not item.deleted:
                    return {**shown, "secret": signing_secret(self.state.size.seed, index)}
        return None

    def deliveries(self, *, since: int = 0) -> list[Json]:
        """Webhook deliveries after a number, oldest first, without bodies and signatures."""
        return self._deliveries.log(since=since)

    def send_deliveries(self, post: Post) -> int:
        """Send the deliveries that are due, one after the other; returns how many.

        Args:
            post: Sends one. Its errors pass; a status that is none of success is tried again later.
        """
        return self._deliveries.send_due(post)

    def repeat_delivery(self, event_id: str) -> int:
        """Send an event once more; returns to how many endpoints.

        Raises:
            LookupError: Nothing of that event is kept.
        """
        return self._deliveries.repeat(event_id)

    def hurry_deliveries(self) -> int:
        """Make every waiting delivery due now; returns how many waited."""
        return self._deliveries.hurry()

    def wait_for_deliveries(self, *, timeout_seconds: float = 30.0) -> bool:
        """Wait until every delivery has ended; False when some have not."""
        return self._deliveries.settled(timeout_seconds=timeout_seconds)

    def dump(self, kind: str, *, include_deleted: bool = True) -> list[Json]:
        """Every object of a kind in its detail form.

        Raises:
            ValueError: Unknown kind.
        """
        return dump_objects(self._services, kind, include_deleted=include_deleted)

    def counts(self) -> Json:
        """How many objects of each kind a reader would be shown."""
        return self._control.counts()
