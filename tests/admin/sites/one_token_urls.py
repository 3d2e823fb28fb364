"""The admin of a shop that lets people act on one token alone: ``settings.ONLY_TOKEN``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import path

from pandabase_django.admin import ApiTokenAdmin, WebhookDeliveryAdmin, WebhookEndpointAdmin
from pandabase_django.models import ApiToken, WebhookDelivery, WebhookEndpoint

__all__ = ["urlpatterns"]


class OneToken(ApiTokenAdmin):
    """Overrides the method of one permission."""

    def has_rotate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        only = settings.ONLY_TOKEN
        allowed = obj is None or only is None or obj.pk == only
        return allowed and super().has_rotate_permission(request, obj)


class OneDelivery(WebhookDeliveryAdmin):
    """Lets nobody replay one event: ``settings.CLOSED_EVENT``."""

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        closed = obj is not None and obj.event_id == settings.CLOSED_EVENT
        return not closed and super().has_replay_permission(request, obj)


class NoEndpoint(WebhookEndpointAdmin):
    """Lets nobody register any."""

    def has_register_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_register_permission(request, obj)


OWN: dict[type[Model], type[admin.ModelAdmin[Any]]] = {
    ApiToken: OneToken,
    WebhookDelivery: OneDelivery,
    WebhookEndpoint: NoEndpoint,
}

site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    site.register(model, OWN.get(model, type(model_admin)))

urlpatterns = [path("admin/", site.urls)]
