"""The doctor's page: why deliveries are refused, and what to do about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import duration
from pandabase_django.admin.base.rights import RightsMixin
from pandabase_django.admin.webhooks.advice import advise
from pandabase_django.models import WebhookEndpoint
from pandabase_django.services.webhooks.doctor import (
    EVIDENCE_TEXTS,
    REASON_TEXTS,
    UNKNOWN,
    Refusal,
    forget_refusals,
    read_refusals,
)

__all__ = ["DoctorMixin"]

CHANGE = "pandabase.change_webhookendpoint"


class DoctorMixin(RightsMixin):
    """Adds a page for each endpoint, and one for addresses that are none."""

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = [
            path("doctor/", site.admin_view(self.strangers_view), name=_NAME + "strangers"),
            path("doctor/forget/", site.admin_view(self.forget_view), name=_NAME + "forget"),
            path(
                "<path:object_id>/doctor/", site.admin_view(self.doctor_view), name=_NAME + "doctor"
            ),
        ]
        return own + super().get_urls()

    def strangers_view(self, request: HttpRequest) -> HttpResponse:
        """Refused deliveries to addresses that are no endpoint."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._doctor_page(request, None)

    def doctor_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refused deliveries to an endpoint."""
        endpoint = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, endpoint):
            raise PermissionDenied
        if endpoint is None:
            raise Http404
        return self._doctor_page(request, endpoint)

    def forget_view(self, request: HttpRequest) -> HttpResponse:
        """Begin to count again, after a cause was fixed."""
        if not self.may(request, CHANGE):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(self._doctor_url(None))
        endpoint = None
        if "endpoint" in request.POST:
            endpoint = self.get_object(request, request.POST["endpoint"])
            if endpoint is None or not self.may(request, CHANGE, endpoint):
                raise Http404
        forget_refusals(endpoint.pk if endpoint else UNKNOWN)
        self.message_user(
            request, gettext("Refused deliveries are counted from zero."), messages.INFO
        )
        return HttpResponseRedirect(self._doctor_url(endpoint))

    def _doctor_page(self, request: HttpRequest, endpoint: WebhookEndpoint | None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        refusals = read_refusals(endpoint.pk if endpoint else UNKNOWN)
        title = _("Refused deliveries") if endpoint else _("Refused at unknown addresses")
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "media": self.media,
            "endpoint": endpoint,
            "total": refusals.total,
            "advice": advise(refusals),
            "last": [(refusal, _explained(refusal)) for refusal in refusals.last],
            "may_forget": self.may(request, CHANGE, endpoint),
            "strangers": read_refusals(UNKNOWN).total if endpoint else 0,
        }
        return TemplateResponse(request, "admin/pandabase/webhookendpoint/doctor.html", context)

    def _doctor_url(self, endpoint: WebhookEndpoint | None) -> str:
        site = self.admin_site.name
        if endpoint is None:
            return reverse(f"{site}:{_NAME}strangers")
        return reverse(f"{site}:{_NAME}doctor", args=[quote(endpoint.pk)])


_NAME = "pandabase_webhookendpoint_"


def _explained(refusal: Refusal) -> dict[str, Any]:
    """What is shown beside a refusal, in words."""
    skew = refusal.skew_seconds
    return {
        "reason": REASON_TEXTS.get(refusal.reason, refusal.reason),
        "evidence": EVIDENCE_TEXTS.get(refusal.evidence, ""),
        "skew": "" if skew is None else ("+" if skew < 0 else "-") + duration(abs(skew)),
        "headers": sorted(refusal.headers.items()),
    }
