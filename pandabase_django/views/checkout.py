"""The pages of a checkout: start, pay within the shop, come back, and how it stands.

What is "paid" follows from the order alone: coming back proves nothing (Source: P-41). The pages
show nothing of a person, so their addresses may be shared.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import get_random_string, salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_safe

from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.exceptions import CheckoutError, CheckoutRefused
from pandabase_django.models import CheckoutSession, SyncRun
from pandabase_django.models.checkout.sessions import REFERENCE_PATTERN
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.checkout.asked import PUBLIC_ID
from pandabase_django.services.checkout.embedding import MODES
from pandabase_django.services.checkout.offers import Offer
from pandabase_django.services.checkout.opening import open_checkout
from pandabase_django.services.checkout.refusals import refused_here
from pandabase_django.services.checkout.waiting import (
    can_be_paid,
    may_be_paid_yet,
    may_have_expired_paid,
    needs_a_sync,
)
from pandabase_django.tasks import enqueue_sync

__all__ = ["checkout_pay", "checkout_return", "checkout_start", "checkout_status"]

logger = get_logger(__name__)

State = CheckoutSession.State

# What a buyer is shown for each state; the names are those of the parts of ``return.html``.
SHOWN = {
    State.PREPARED: "waiting",
    State.OPEN: "waiting",
    State.UNKNOWN: "waiting",
    State.PROCESSING: "processing",
    State.PAID: "paid",
    State.FAILED: "failed",
    State.REFUSED: "failed",
    State.EXPIRED: "expired",
    State.MISMATCH: "mismatch",
    State.REVERSED: "reversed",
}
# These may become something else while somebody looks.
MOVING = ("waiting", "processing")
LOOKS_WITHOUT_SCRIPT = 60
SECONDS_BETWEEN_LOOKS = 5
LONG_WAIT_SECONDS = 30  # webhooks come within seconds
VISITOR = "pandabase_visitor"  # in the session of a guest who has pressed a button


@transaction.non_atomic_requests
@csrf_protect
def checkout_start(request: HttpRequest) -> HttpResponse:
    """Open the session that the button of a page offers, and send the buyer to it."""
    if request.method != "POST":
        # Who had to sign in first comes back by GET, without the offer.
        said = _("Please go back to the product, and press its button again.")
        response = _page(request, "refused", {"said": said, "back": ""}, status=405)
        response["Allow"] = "POST"
        return response
    store_id = ""
    try:
        offer = Offer.read(request.POST.get("offer", ""))
        product = offer.product()
        store_id = product.store_id
        session = open_checkout(
            product.store,
            [offer.item(product)],
            user=getattr(request, "user", None),
            purpose=offer.purpose,
            context=offer.context,
            return_url=_address(request, "checkout-return"),
            cancel_url=_address(request, "checkout-return"),
            idempotency=_visitor(request),
        )
    except CheckoutError as error:
        return _refused(request, error, store_id=store_id)
    if offer.mode:
        address = reverse("pandabase:checkout-pay", args=[session.public_id])
        return HttpResponseRedirect(f"{address}?mode={offer.mode}")
    return HttpResponseRedirect(session.checkout_url)


@login_not_required
@never_cache
@require_safe
def checkout_pay(request: HttpRequest, public_id: str) -> HttpResponse:
    """A page of this site that shows the vendor's checkout; one that is over leads to its end."""
    session = _session(public_id)
    if not can_be_paid(session):
        return HttpResponseRedirect(reverse("pandabase:checkout-return", args=[public_id]))
    refusal = refused_here(session.store)
    if refusal is not None:
        return _refused(request, refusal, store_id=session.store_id)
    mode = request.GET.get("mode", "")
    return _page(request, "pay", {"session": session, "mode": mode if mode in MODES else "modal"})


@login_not_required
@never_cache
@require_safe
def checkout_return(request: HttpRequest, public_id: str) -> HttpResponse:
    """Where the buyer comes back to: how the payment stands, until it is decided."""
    session = _session(public_id)
    found = re.fullmatch("[0-9]{1,9}", request.GET.get("look", ""))
    look = min(int(found[0]), LOOKS_WITHOUT_SCRIPT) if found else 0
    shown, moving = _shown(session, waited_seconds=look * SECONDS_BETWEEN_LOOKS)
    pay_at = session.checkout_url if can_be_paid(session) else ""
    refusal = refused_here(session.store) if pay_at else None
    return _page(
        request,
        "return",
        {
            "session": session,
            "shown": shown,
            "pay_at": "" if refusal else pay_at,
            "closed": refusal.for_buyer if refusal else "",
            "moving": moving,
            # Without scripts the page is loaded again, and not for ever.
            "next_look": look + 1 if moving and look < LOOKS_WITHOUT_SCRIPT else None,
            "seconds": SECONDS_BETWEEN_LOOKS,
            "since": int(time.time()),
        },
    )


@login_not_required
@never_cache
@require_safe
def checkout_status(request: HttpRequest, public_id: str) -> HttpResponse:
    """The same for scripts: ``{"state": "paid", "open": false}``."""
    since = re.fullmatch("[0-9]{1,12}", request.GET.get("since", ""))
    waited = time.time() - int(since[0]) if since else 0.0
    shown, moving = _shown(_session(public_id), waited_seconds=waited)
    # Also as ``live.js`` reads it: while it is open, it asks again. A page that says which state it
    # shows is loaded anew when that is another one by now.
    is_open = moving and request.GET.get("shown", shown) == shown
    return JsonResponse({"state": shown, "open": is_open, "texts": {}, "progress": {}})


def _session(public_id: str) -> CheckoutSession:
    rows = CheckoutSession.objects.select_related("store").filter(public_id=public_id)
    # Its form first: PostgreSQL refuses a NUL with an error of its own.
    found = rows.first() if re.match(REFERENCE_PATTERN, public_id) else None
    if found is None:
        raise Http404("There is no such checkout.")
    return found


def _shown(session: CheckoutSession, *, waited_seconds: float) -> tuple[str, bool]:
    """What the buyer is shown, and whether that may change while somebody looks.

    A store without webhooks is read meanwhile, in a worker; after a while any other as well.
    """
    shown = "waiting" if may_have_expired_paid(session) else SHOWN[State(session.state)]
    moving = shown in MOVING or may_be_paid_yet(session)
    waited_long = waited_seconds >= LONG_WAIT_SECONDS
    if moving and needs_a_sync(session.store, waited_long=waited_long):
        ask = partial(
            enqueue_sync, [session.store_id], [Resource.ORDERS], trigger=SyncRun.Trigger.SCHEDULE
        )
        transaction.on_commit(ask, robust=True)
    return shown, moving


def _address(request: HttpRequest, name: str) -> str:
    blank = "0" * 32
    path = reverse(f"pandabase:{name}", args=[blank])
    return request.build_absolute_uri(path).replace(blank, PUBLIC_ID)


def _visitor(request: HttpRequest) -> str:
    """What makes two clicks of one guest equal; "" on a site without sessions.

    A text of our own: the key of a session in a signed cookie is none, and changes with the cookie.
    """
    session = getattr(request, "session", None)
    if session is None:
        return ""
    kept = session.get(VISITOR)
    if kept is None:
        # Two first clicks at once do not see each other's text, but the same key where one is.
        key = session.session_key or get_random_string(32)
        kept = session[VISITOR] = salted_hmac(VISITOR, key, algorithm="sha256").hexdigest()
    return str(kept)


def _refused(request: HttpRequest, error: CheckoutError, *, store_id: str) -> HttpResponse:
    logger.warning("A checkout was not opened: %s", error, extra=facts(store=store_id))
    back = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    status = 409 if isinstance(error, CheckoutRefused) else 503
    context = {"said": error.for_buyer, "back": back if is_ours else ""}
    response = _page(request, "refused", context, status=status)
    if error.retry_after_seconds:
        response["Retry-After"] = str(round(error.retry_after_seconds))
    return response


def _page(
    request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    context["base"] = conf.checkout_base_template
    response = render(request, f"pandabase/checkout/{name}.html", context, status=status)
    # The address names a checkout: other sites that this page leads to need not know it.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
