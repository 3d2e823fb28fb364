"""Where deliveries arrive. It answers 200, 401, 405, 413 or 503, and nothing else."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django import db
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.request import RawPostDataException, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from pandabase_django.api.webhooks.verification import MAX_BODY_BYTES, READ_SECONDS, Reason
from pandabase_django.database import transaction
from pandabase_django.exceptions import SealError, WebhookRejected
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.webhooks.receive import find_endpoint, receive, refuse
from pandabase_django.tasks import enqueue_delivery

__all__ = ["webhook"]

logger = get_logger(__name__)

CHUNK_BYTES = 16 * 1024


@csrf_exempt
@login_not_required  # a site-wide LoginRequiredMiddleware would redirect the delivery
@transaction.non_atomic_requests
def webhook(request: HttpRequest, endpoint_id: str) -> HttpResponse:
    """Take one delivery in: verify, store, enqueue on commit.

    The answer gives a stranger no reason: whatever is wrong with a delivery is 401.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    said: dict[str, Any] = {
        "headers": request.headers,
        "peer": request.META.get("REMOTE_ADDR", ""),
    }
    endpoint = None
    try:
        try:
            body = _read(request)
        except _Unread as error:
            refuse(endpoint_id, error.reason, size=error.size, **said)
            return _answer(413 if error.reason is Reason.TOO_LARGE else 401)
        endpoint = find_endpoint(endpoint_id)
        receipt = receive(endpoint_id, endpoint, body=body, **said)
    except WebhookRejected:
        return _answer(401)
    except (db.Error, SealError, ImproperlyConfigured) as error:
        # We can fix it: the remote sends it again for three days (P-34). No traceback is logged:
        # some log handlers show its local variables, and the body and the signature are among them.
        # Nor is a database's own message: it may quote the row.
        why = "the database failed" if isinstance(error, db.Error) else error
        logger.error(
            "A webhook delivery could not be taken in: %s: %s",
            type(error).__name__,
            why,
            extra=facts(store=endpoint.store_id if endpoint else ""),
        )
        return _answer(503)
    if receipt.to_do:
        transaction.on_commit(partial(enqueue_delivery, receipt.delivery_id), robust=True)
    return _answer(200)


class _Unread(Exception):
    def __init__(self, reason: Reason, size: int) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.size = size


def _read(request: HttpRequest) -> bytes:
    """The raw body, never more of it than the limit and a chunk."""
    body = bytearray()
    try:
        return _read_into(body, request)
    finally:
        # A middleware may read request.body after the view: it finds what was read here.
        request._body = bytes(body)


def _read_into(body: bytearray, request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
        raise _Unread(Reason.TOO_LARGE, 0)
    deadline = time.monotonic() + READ_SECONDS
    try:
        while chunk := request.read(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise _Unread(Reason.TOO_LARGE, len(body))
            if time.monotonic() > deadline:
                raise _Unread(Reason.INCOMPLETE, len(body))
    except (UnreadablePostError, RawPostDataException, OSError):
        raise _Unread(Reason.INCOMPLETE, len(body)) from None
    return bytes(body)


def _answer(status: int) -> HttpResponse:
    response = HttpResponse(status=status, content_type="text/plain")
    # Refusals and failures are logged where they are known; Django would log each a second time.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
