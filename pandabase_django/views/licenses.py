"""Where a shop's own software asks whether a licence key is good.

The key comes in a POST's body alone: addresses are logged. No answer, log or error repeats it.
"""

from __future__ import annotations

import json
import math
from typing import Any

from django import db
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import RateLimited, SealError
from pandabase_django.observing.logs import get_logger
from pandabase_django.printable import is_storable
from pandabase_django.services.licenses.proofs import Proof, digest_of_key
from pandabase_django.services.licenses.throttle import CACHE_FAILS, address_of, seconds_to_wait
from pandabase_django.services.licenses.verification import verify_key

__all__ = ["verify_license"]

logger = get_logger(__name__)

MAX_BODY_BYTES = 4096
# The remote's own limits (P-51): anybody could have it refuse what has no such form.
MAX_KEY_CHARACTERS = 512
MIN_ID_CHARACTERS, MAX_ID_CHARACTERS = 12, 48
AGAIN_SECONDS = 60


@csrf_exempt
@login_not_required  # software has no session
@never_cache
@transaction.non_atomic_requests
def verify_license(request: HttpRequest) -> HttpResponseBase:
    """Answer ``{"key": …, "product": …}`` with whether the key is good; the product may be absent.

    200 with ``valid`` and the age of the proof; 400, 405, 413, 429 and 503 with ``error``.
    """
    if request.method != "POST":
        return _error(405, "Send a POST.", Allow="POST")
    asked = _asked(request)
    if not isinstance(asked, tuple):
        return asked
    key, product_id = asked
    wait = seconds_to_wait(address_of(request.META), digest_of_key(key))
    if wait > 0:
        return _too_many(wait)
    try:
        # Where nobody can count, nobody can make this shop send requests either.
        proof = verify_key(key, product_id=product_id, may_ask=wait != CACHE_FAILS)
    except RateLimited as error:
        return _too_many(error.retry_after_seconds or AGAIN_SECONDS)
    except (db.Error, SealError, ImproperlyConfigured) as error:
        # No traceback: some log handlers show local variables.
        logger.error("A licence could not be verified: %s", type(error).__name__)
        proof = None
    if proof is None:
        again = {"Retry-After": str(AGAIN_SECONDS)}
        return _error(503, "Licences can't be verified right now.", **again)
    return JsonResponse(_shown(proof))


def _asked(request: HttpRequest) -> tuple[Secret, str] | JsonResponse:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length[:20]) > MAX_BODY_BYTES:
        return _error(413, f"The body has at most {MAX_BODY_BYTES} bytes.")
    try:
        data: Any = json.loads(request.body)
    except (RawPostDataException, RequestDataTooBig, UnreadablePostError, OSError):
        return _error(400, "The body can't be read.")
    except (ValueError, RecursionError):
        return _error(400, "The body is not JSON.")
    if not isinstance(data, dict) or not isinstance(data.get("key"), str):
        return _error(400, "The body is an object with a text as key.")
    key, product = Secret(data.pop("key").strip()), data.get("product")
    if product is not None and not (
        isinstance(product, str)
        and MIN_ID_CHARACTERS <= len(product) <= MAX_ID_CHARACTERS
        and is_storable(product)
    ):
        limits = f"{MIN_ID_CHARACTERS} to {MAX_ID_CHARACTERS}"
        return _error(400, f"product is a text of {limits} characters.")
    if not 1 <= len(key.reveal()) <= MAX_KEY_CHARACTERS:
        return _error(400, f"key has 1 to {MAX_KEY_CHARACTERS} characters.")
    if not is_storable(key.reveal()):
        return _error(400, "key is no text.")
    return key, product or ""


def _shown(proof: Proof) -> dict[str, Any]:
    now = timezone.now()
    return {
        "valid": proof.is_valid_at(now),
        "status": proof.status or None,
        "product": proof.product_id or None,
        "expires_at": proof.expires_at.isoformat() if proof.expires_at else None,
        "proved_at": proof.proved_at.isoformat(),
        "age_seconds": max(0, int((now - proof.proved_at).total_seconds())),
        "source": proof.source,
    }


def _too_many(seconds: float) -> JsonResponse:
    again = {"Retry-After": str(math.ceil(seconds))}
    return _error(429, "Too many questions. Ask again later.", **again)


def _error(status: int, text: str, **headers: str) -> JsonResponse:
    response = JsonResponse({"error": text}, status=status, headers=headers)
    # Django would log each; a stranger may send as many as they like.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
