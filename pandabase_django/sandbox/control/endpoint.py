"""The control path ``/_sandbox``: what tests and the demo do to the sandbox, beside the Store API.

It is open to this machine alone; from elsewhere the key in the control URL is needed.
"""

from __future__ import annotations

import hmac
import ipaddress
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.api.webhook_writes import add_webhook
from pandabase_django.sandbox.control.changes import ChangeRefused, apply_changes
from pandabase_django.sandbox.control.dump import dump
from pandabase_django.sandbox.faults.rules import Faults, RuleRefused
from pandabase_django.sandbox.http.wire import NotJson, Request, Response, failure, success
from pandabase_django.sandbox.seed.lifecycle import ORDER_STATUSES
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.tokens import ALL_PERMISSIONS, Token
from pandabase_django.sandbox.webhooks.deliveries import Deliveries

__all__ = ["Control"]


class Control:
    """Answers requests of the control path."""

    def __init__(
        self,
        services: Services,
        *,
        faults: Faults,
        deliveries: Deliveries,
        key: str,
        open_to_loopback: bool,
        stop: Callable[[], None],
    ) -> None:
        """Set up the path.

        Args:
            services: The sandbox.
            faults: The rules in force.
            deliveries: The webhooks that were sent.
            key: Part of the control URL.
            open_to_loopback: Requests from this machine need no key.
            stop: Ends the server; called from a thread of its own.
        """
        self._services = services
        self._faults = faults
        self._deliveries = deliveries
        self._key = key
        self._open = open_to_loopback
        self._stop = stop
        self._calls: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "dump"): self._dump,
            ("GET", "counts"): lambda request: success(self.counts()),
            ("GET", "faults"): lambda request: success(faults.report()),
            ("POST", "faults"): lambda request: success({"numbers": faults.add(request.json())}),
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "changes"): self._change,
            ("GET", "tokens"): self._list_tokens,
            ("POST", "tokens"): self._add_token,
            ("GET", "requests"): self._requests,
            ("GET", "deliveries"): self._list_deliveries,
            ("POST", "deliveries"): self._repeat_delivery,
            ("POST", "deliveries/hurry"): lambda request: success({"due": deliveries.hurry()}),
            ("POST", "webhooks"): self._add_webhook,
            ("GET", "settings"): lambda request: success(asdict(services.settings)),
            ("POST", "settings"): self._set,
            ("POST", "shutdown"): self._shutdown,
        }

    def handle(self, request: Request) -> Response:
        """Answer one control request."""
        name = self._name(request)
        if name is None:
            return failure(403, "The control path needs its key")
        if request.method == "DELETE" and name.startswith("tokens/"):
            return self._revoke(name.removeprefix("tokens/"))
        call = self._calls.get((request.method, name))
        if request.method == "POST" and name.startswith("tokens/"):
            call = partial(self._permit, name.removeprefix("tokens/"))
        if call is None:
            return failure(404, "No such control call")
        try:
            return call(request)
        except (
            ChangeRefused,
            RuleRefused,
            NotJson,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            return failure(400, f"{type(error).__name__}: {error}")

    def counts(self) -> Json:
        """How many objects of each kind a reader would be shown."""
        state = self._services.state
        with state.lock:
            listed = [item for _, item in state.products.every() if not item.deleted]
            by_status = {status: self._orders(status) for status in ORDER_STATUSES}
            return {
                "orders": self._orders(None),
                "orders_by_status": by_status,
                "products": len(listed),
                "products_deleted": state.products.count - len(listed),
                "variants": sum(len(item.payload["variants"] or ()) for item in listed),
                "categories": sum(not item.deleted for _, item in state.categories.every()),
                "customers": state.customer_count(),
                "refunds": state.refunds.sequence(
                    "every", slots=lambda _slot: True, records=lambda _record: True
                ).count,
                "disputes": state.disputes.sequence(
                    "every", slots=lambda _slot: True, records=lambda _record: True
                ).count,
                "requests_served": self._services.log.total,
            }

    def _orders(self, status: str | None) -> int:
        return self._services.state.orders.sequence(
            f"orders:{status}:None",
            slots=lambda slot: status is None or slot.status == status,
            records=lambda record: status is None or record.payload.get("status") == status,
        ).count

    def _name(self, request: Request) -> str | None:
        """The call's name; None when it is not allowed."""
        segments = request.segments[1:]
        if segments and hmac.compare_digest(segments[0].encode(), self._key.encode()):
            return "/".join(segments[1:])
        if self._open and ipaddress.ip_address(request.peer).is_loopback:
            return "/".join(segments)
        return None

    def _dump(self, request: Request) -> Response:
        query = request.query()
        if query.get("format", "ndjson") != "ndjson":
            return failure(400, "format must be ndjson")
        stream = dump(
            self._services,
            query.get("kind", ""),
            include_deleted=query.get("include_deleted", "1") != "0",
        )
        return Response(200, b"", content_type="application/x-ndjson", stream=stream)

    def _clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return success({})

    def _change(self, request: Request) -> Response:
        services = self._services
        touched = apply_changes(services.state, request.json(), settings=services.settings)
        return success({"ids": touched})

    def _list_tokens(self, request: Request) -> Response:
        reveal = request.query().get("secrets") == "1"
        return success(
            [_described(token, reveal=reveal) for token in self._services.tokens.every()]
        )

    def _add_token(self, request: Request) -> Response:
        body = request.json()
        token = self._services.tokens.add(
            mode=body.get("mode", "HMAC"),
            permissions=tuple(body.get("permissions", ALL_PERMISSIONS)),
            secret=body.get("secret"),
        )
        return success(_described(token, reveal=True), status=201)

    def _permit(self, token_id: str, request: Request) -> Response:
        permissions = tuple(map(str, request.json()["permissions"]))
        return success(
            _described(self._services.tokens.permit(token_id, permissions), reveal=False)
        )

    def _revoke(self, token_id: str) -> Response:
        if not self._services.tokens.revoke(token_id):
            return failure(404, "No such token")
        return success({"deleted": True})

    def _requests(self, request: Request) -> Response:
        since = int(request.query().get("since", "0"))
        log = self._services.log
        return success({"total": log.total, "requests": log.since(since)})

    def _list_deliveries(self, request: Request) -> Response:
        return success(self._deliveries.log(since=int(request.query().get("since", "0"))))

    def _repeat_delivery(self, request: Request) -> Response:
        return success({"endpoints": self._deliveries.repeat(str(request.json()["event"]))})

    def _add_webhook(self, request: Request) -> Response:
        body = dict(request.json())
        url = body.pop("url")
        return success(add_webhook(self._services.state, url=url, **body), status=201)

    def _set(self, request: Request) -> Response:
        changes: dict[str, Any] = dict(request.json())
        if "clock" in changes:
            wanted = changes.pop("clock")
            moment_ms = wanted if isinstance(wanted, int) else parse_ms(wanted)
            if wanted is not None and moment_ms is None:
                raise ValueError("clock must be ISO 8601, milliseconds since 1970, or null")
            self._services.state.clock.set(moment_ms)
        if "pass_seconds" in changes:
            self._services.state.clock.move_on(round(float(changes.pop("pass_seconds")) * 1000))
        self._services.settings.update(changes)
        return success(asdict(self._services.settings))

    def _shutdown(self, request: Request) -> Response:
        threading.Timer(0.1, self._stop).start()
        return success({})


def _described(token: Token, *, reveal: bool) -> Json:
    described: Json = {
        "mode": token.mode,
        "token_id": token.token_id,
        "permissions": list(token.permissions),
    }
    if reveal:
        described["secret"] = token.secret
    return described
