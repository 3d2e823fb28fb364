"""From a request to its response: who asks, may they, what strikes, what is answered."""

from __future__ import annotations

import itertools
import json
import time

from pandabase_django.sandbox.changes import ChangeRefused, apply_changes
from pandabase_django.sandbox.context import Call, Services
from pandabase_django.sandbox.control import Control
from pandabase_django.sandbox.faults import FaultRule, Faults, spoil
from pandabase_django.sandbox.idempotency import Replays, is_key
from pandabase_django.sandbox.limits import Quota, RateLimiter
from pandabase_django.sandbox.routes import Match, MethodNotAllowed, find_operation
from pandabase_django.sandbox.shapes import dump_json
from pandabase_django.sandbox.tokens import Token
from pandabase_django.sandbox.validation import Invalid
from pandabase_django.sandbox.wire import NotJson, Request, Response, failure

__all__ = ["Application"]

_VERSION = "2.0.0"
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "validation_failed",
    429: "rate_limited",
}


class Application:
    """Answers requests; called from many threads."""

    def __init__(self, services: Services, *, faults: Faults, control: Control) -> None:
        self._services = services
        self._faults = faults
        self._control = control
        self._limiter = RateLimiter()
        self._replays = Replays()
        self._request_numbers = itertools.count(1)

    def handle(self, request: Request) -> Response:
        """Answer one request, of the Store API or of the control path."""
        if request.path.startswith("/_sandbox"):
            return self._control.handle(request)
        started = time.perf_counter()
        services = self._services
        headers = request.headers
        token = services.tokens.authenticate(
            headers.get("authorization", ""),
            signature=headers.get("x-signature", ""),
            body=request.body,
        )
        token_id = token.token_id if token else ""
        quota = self._limiter.take(token_id or request.peer, limit=services.settings.rate_limit)
        rules = self._faults.striking(request, token_id=token_id)
        response = self._answer(request, token, quota, rules)
        response.headers = {
            "X-Request-ID": f"req_{next(self._request_numbers):016x}",
            "X-Version": _VERSION,
            **quota.headers(scope=services.settings.rate_limit_type),
            **response.headers,
        }
        # A write that can be replayed has slept already, while it held its key.
        if not response.slept:
            self._sleep()
        services.log.add(
            request,
            token_id=token_id,
            status=response.status,
            seconds=time.perf_counter() - started,
        )
        return response

    def _answer(
        self, request: Request, token: Token | None, quota: Quota, rules: list[FaultRule]
    ) -> Response:
        for rule in rules:
            if rule.changes:
                try:
                    apply_changes(self._services.state, rule.changes)
                except ChangeRefused as error:
                    return failure(500, f"Sandbox rule {rule.number}: {error}")
        return spoil(rules, lambda: self._execute(request, token, quota))

    def _execute(self, request: Request, token: Token | None, quota: Quota) -> Response:
        response = self._checked(request, token, quota)
        if response.status >= 400 and self._services.settings.error_style == "object":
            _as_object(response)
        return response

    def _checked(self, request: Request, token: Token | None, quota: Quota) -> Response:
        if token is None:
            return failure(401, "Missing or invalid authentication")
        if quota.exceeded:
            return failure(429, "Too many requests")
        try:
            match = find_operation(
                request.method, request.segments, store_id=self._services.state.store_id
            )
        except MethodNotAllowed as error:
            response = failure(405, str(error))
            response.headers["Allow"] = ", ".join(error.allowed)
            return response
        if match is None:
            return failure(404, "Not found")
        permission = match.operation.permission
        if permission is not None and permission not in token.permissions:
            return failure(403, f"Missing required permissions: {permission}")
        key = request.headers.get("idempotency-key")
        if key is not None and not is_key(key):
            return failure(400, "Idempotency-Key must be 8 to 32 of A-Z, a-z, 0-9, _ and -")
        if key is None or not match.operation.replays:
            return self._run(request, token, match)
        scope = (token.token_id, request.method, request.path.rstrip("/"), key)
        return self._replays.once(
            scope, request.body, lambda: self._run_slowly(request, token, match)
        )

    def _run(self, request: Request, token: Token, match: Match) -> Response:
        state = self._services.state
        try:
            with state.lock:
                return match.operation.endpoint(Call(self._services, request, token, match.ids))
        except Invalid as error:
            return failure(error.status, str(error))
        except NotJson as error:
            return failure(400, str(error))

    def _run_slowly(self, request: Request, token: Token, match: Match) -> Response:
        response = self._run(request, token, match)
        self._sleep()
        response.slept = True
        return response

    def _sleep(self) -> None:
        if self._services.settings.latency_ms:
            time.sleep(self._services.settings.latency_ms / 1000)


def _as_object(response: Response) -> None:
    """Errors as the one sample shows them that differs from all others. Source: P-07."""
    error = {
        "code": _CODES.get(response.status, "error"),
        "message": json.loads(response.body)["error"],
    }
    response.body = dump_json({"ok": False, "error": error}).encode()
