"""Whether the process lives, and whether it can serve, for what restarts it and sends it requests.

Neither answer has a name, a number or a reason of this shop: anybody may ask.
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pandabase_django.database import transaction
from pandabase_django.services.health.readiness import readiness

__all__ = ["live", "ready"]


@login_not_required
@never_cache
@require_safe
@transaction.non_atomic_requests
def live(request: HttpRequest) -> HttpResponse:
    """200 from any process that answers at all: it asks nothing."""
    return JsonResponse({"live": True})


@login_not_required
@never_cache
@require_safe
@transaction.non_atomic_requests
def ready(request: HttpRequest) -> HttpResponse:
    """200 or 503, within some seconds also where the database hangs.

    ``?need=cache``: 503 without the cache too.
    """
    found = readiness()
    is_ready = found.database and (found.cache or request.GET.get("need") != "cache")
    parts = {"database": found.database, "cache": found.cache}
    said = {name: "ok" if works else "fails" for name, works in parts.items()}
    response = JsonResponse({"ready": is_ready, **said}, status=200 if is_ready else 503)
    # What fails is logged where it is known.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
