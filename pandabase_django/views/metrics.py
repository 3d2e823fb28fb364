"""Where Prometheus reads: nowhere by default, and never without the token of the settings."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.health.metrics import CONTENT_TYPE, exposition

__all__ = ["metrics"]

logger = get_logger(__name__)


@login_not_required  # a monitor has no session
@never_cache
@require_safe
@transaction.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """200 with the numbers; 401 without the token, and 404 where the settings name none."""
    if not (conf.metrics and conf.metrics_token):
        return _answer(404)
    if not _has_token(request):
        return _answer(401, **{"WWW-Authenticate": "Bearer"})
    try:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE)
    except ImportError:
        return _answer(503)  # a system check says why
    except FileNotFoundError:
        logger.error("PROMETHEUS_MULTIPROC_DIR names no folder.")
        return _answer(503)


def _has_token(request: HttpRequest) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and constant_time_compare(given.strip(), conf.metrics_token)


def _answer(status: int, **headers: str) -> HttpResponse:
    response = HttpResponse(status=status, content_type="text/plain", headers=headers)
    # Django would log each, and a monitor comes each few seconds.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
