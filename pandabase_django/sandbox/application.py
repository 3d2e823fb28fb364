"""From a request to its response: who asks, may they, what strikes, what is answered."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace

from pandabase_django.sandbox.api.bodies import BODIES
from pandabase_django.sandbox.api.context import Call, Services
from pandabase_django.sandbox.api.reports.files import answer_file, is_file
from pandabase_django.sandbox.api.routes import Match, MethodNotAllowed, find_operation
from pandabase_django.sandbox.api.validation import Invalid, check_body
from pandabase_django.sandbox.checkout.pages import answer_page, is_page
from pandabase_django.sandbox.checkout.routes import PublicEndpoint, answer, find_public
from pandabase_django.sandbox.checkout.visit import Visit
from pandabase_django.sandbox.control.changes import ChangeRefused, apply_changes
from pandabase_django.sandbox.control.endpoint import Control
from pandabase_django.sandbox.faults.rules import FaultRule, Faults, spoil
from pandabase_django.sandbox.http.idempotency import Replays, is_key
from pandabase_django.sandbox.http.limits import Quota, RateLimiter
from pandabase_django.sandbox.http.wire import NotJson, Request, Response, failure
from pandabase_django.sandbox.store.replicas import Replicas
from pandabase_django.sandbox.store.shapes import Json, dump_json
from pandabase_django.sandbox.store.tokens import Token

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

    def __init__(
        self, services: Services, *, faults: Faults, control: Control, replays: Replays
    ) -> None:
        self._services = services
        self._faults = faults
        self._control = control
        self._limiter = RateLimiter()
        self._replays = replays
        self._replicas = Replicas(services.state, services.settings)
        self._request_numbers = itertools.count(1)

    def handle(self, request: Request) -> Response:
        """Answer one request: of an API, of the control path, or of a buyer's browser."""
        try:
            return self._handled(request)
        finally:
            if request.method != "GET":
                self._services.note()

    def _handled(self, request: Request) -> Response:
        if request.path.startswith("/_sandbox"):
            return self._control.handle(request)
        if is_page(request.path):
            return answer_page(self._services, request)
        if is_file(request.path):
            return answer_file(self._services, request)
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
        services = self._services
        for rule in rules:
            if rule.changes:
                try:
                    apply_changes(services.state, rule.changes, settings=services.settings)
                except ChangeRefused as error:
                    return failure(500, f"Sandbox rule {rule.number}: {error}")
        return spoil(rules, lambda: self._execute(request, token, quota))

    def _execute(self, request: Request, token: Token | None, quota: Quota) -> Response:
        response = self._checked(request, token, quota)
        if response.status >= 400 and self._services.settings.error_style == "object":
            _as_object(response)
        return response

    def _checked(self, request: Request, token: Token | None, quota: Quota) -> Response:
        public = find_public(request.segments)
        if public is not None:
            return self._answered_publicly(request, public, quota)
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

    def _answered_publicly(
        self, request: Request, public: PublicEndpoint, quota: Quota
    ) -> Response:
        if quota.exceeded:
            return failure(429, "Too many requests")
        methods, identity = public
        return answer(Visit(self._services, request, identity), methods)

    def _run(self, request: Request, token: Token, match: Match) -> Response:
        services = self._services
        try:
            body = _body(request, match)
            with services.state.lock:
                if request.method != "GET":
                    services.state.changing()
                elif services.settings.lags:
                    past = self._replicas.answering(
                        resource=match.operation.path.partition("/")[0], detail=bool(match.ids)
                    )
                    services = replace(services, state=past)
                return match.operation.endpoint(Call(services, request, token, match.ids, body))
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


def _body(request: Request, match: Match) -> Json:
    """The body of a write, whose every field the vendor's description knows.

    Whether the remote refuses others or leaves them out is not known. Left out, a body with an
    amount would refund a whole order, and nobody would notice. Source: P-46.
    """
    fields = BODIES.get((request.method, match.operation.path), {})
    if request.method == "GET" or fields is None:
        return {}
    if fields and not request.body:
        raise Invalid("A body is required", status=422)
    body = request.json(exact=True) if request.body else {}
    return check_body(body, fields, partial=request.method == "PATCH")


def _as_object(response: Response) -> None:
    """Errors as the one sample shows them that differs from all others. Source: P-07."""
    error = {
        "code": _CODES.get(response.status, "error"),
        "message": json.loads(response.body)["error"],
    }
    response.body = dump_json({"ok": False, "error": error}).encode()
