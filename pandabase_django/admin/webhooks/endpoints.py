"""Webhook endpoints: made by hand or registered at Pandabase, compared, and given new secrets."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from pandabase_django.admin.base.display import EMPTY, badge, with_quiet
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url, may_link
from pandabase_django.admin.base.page import PandabaseAdmin, without_empty
from pandabase_django.admin.base.rights import may_view, rules_allow
from pandabase_django.admin.base.scope import open_stores, visible_stores
from pandabase_django.admin.base.store_search import STORES_OFFERED, StoreChoice
from pandabase_django.admin.webhooks.buttons import BUTTONS, REGISTER, receiving_url
from pandabase_django.admin.webhooks.doctor import DoctorMixin
from pandabase_django.admin.webhooks.forms import EndpointForm
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import RefusedDeliveries, Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.webhooks import registration
from pandabase_django.services.webhooks.own_address import check_own_address
from pandabase_django.services.webhooks.refusals import read_refusals, total_of
from pandabase_django.services.webhooks.secrets import install_secret

__all__ = ["WebhookEndpointAdmin"]

TONES = {
    WebhookEndpoint.Registration.REGISTERED: "good",
    WebhookEndpoint.Registration.GONE: "bad",
}
ID_FIELD: dict[str, Any] = {
    "widget": AdminTextInputWidget,
    "help_text": _("Its id, which starts with shp_. “Find a store” fills it in."),
    "error_messages": {"invalid_choice": _("There is no such store that you may choose.")},
}
FIELD_LABELS = {
    "registration": _("registration"),
    "url": _("URL"),
    "event_types": _("event types"),
    "enabled": _("enabled"),
    "signature_version": _("signature version"),
}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(DoctorMixin, PandabaseAdmin):
    """Endpoints are disabled, or deleted once they have taken no delivery."""

    above = ("admin/pandabase/webhookendpoint/receiving.html",)
    change_list_template = "admin/pandabase/webhookendpoint/change_list.html"
    called_by_store = True
    form = EndpointForm
    when_empty = _("No endpoint yet. Add one: webhooks tell this shop of orders within seconds.")
    list_display = (
        "name",
        "registered",
        "dead",
        "refused",
        "waiting",
        "last_verified_at",
    )
    list_filter = (StoreFilter, "enabled", "registration")
    search_fields = ("label", "=id", "=store__id", "=remote_id")
    actions = None
    buttons = BUTTONS
    about_secret = (
        "secret_hint",
        "secret_set_at",
        "key_reading",
        "previous_secret_hint",
        "previous_valid_until",
        "last_verified_at",
    )
    about_registration = (
        "registered",
        "url",
        "remote_id",
        "previous_remote_id",
        "signature_version",
        "compared_at",
        "differences",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        rows: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        deliveries = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by()

        def counted(state: str) -> Subquery:
            found = deliveries.filter(state=state).values("endpoint")
            return Subquery(found.annotate(number=Count("pk")).values("number"))

        refused = RefusedDeliveries.objects.filter(pk=OuterRef("pk"))
        return rows.annotate(
            refused_counts=Subquery(refused.values("counts")[:1]),
            dead_count=counted(WebhookDelivery.State.DEAD),
            waiting_count=counted(WebhookDelivery.State.PENDING),
        )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.may_register = lambda _form, endpoint: self.may(request, REGISTER, endpoint)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        own: tuple[str, ...] = ("label", "enabled", "v1_allowed_until", "event_types")
        # Who knows the secret can sign deliveries.
        pasted = ("new_secret",) if self.may(request, REGISTER, obj) else ()
        if obj is None:
            return ((None, {"fields": ("store", *own, *pasted)}),)
        secret: tuple[str, ...] = self.about_secret
        if self.has_change_permission(request, obj):
            secret = (*secret, *pasted)
        fieldsets = (
            (None, {"fields": ("store_link", *own)}),
            (_("Signing secret"), {"fields": secret}),
            (_("At Pandabase"), {"fields": (*self.about_registration, "added_at")}),
        )
        return without_empty(self, fieldsets, obj, keep=(*own, "new_secret"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        if obj is None:
            return ()
        return ("store_link", *self.about_secret, *self.about_registration, "added_at")

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        stores = visible_stores(self.admin_site, request, WebhookEndpoint)
        only = {"store": stores[0].pk} if len(stores) == 1 else {}
        asked = super().get_changeform_initial_data(request)
        asked.pop("v1_allowed_until", None)  # Django's widget breaks by a time that is a text
        return {**only, **asked}

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Go on to its page: it shows the address and what is to be done next."""
        return HttpResponseRedirect(change_url(self.admin_site, "webhookendpoint", obj.pk))

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Many stores are searched by typing, by whoever may see the pages of stores."""
        by_typing = self._has_many_stores(request) and may_view(self.admin_site, request, Store)
        return ("store",) if by_typing else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A person chooses among the stores in this person's scope."""
        if db_field.name != "store":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        kwargs["queryset"] = open_stores(self, request)
        if self._takes_id(request):
            return db_field.formfield(**{**kwargs, **ID_FIELD})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if add and self._takes_id(request):
            context["store_choice"] = StoreChoice.of_request(request, [*open_stores(self, request)])
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _takes_id(self, request: HttpRequest) -> bool:
        """Whether a store is named by its id: Django's search answers who may see stores alone."""
        return self._has_many_stores(request) and not may_view(self.admin_site, request, Store)

    def _has_many_stores(self, request: HttpRequest) -> bool:
        return len(open_stores(self, request)[: STORES_OFFERED + 1]) > STORES_OFFERED

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deliveries name their endpoint, and a registration would go on delivering to it."""
        if obj is not None and (obj.remote_id or obj.deliveries.exists()):
            return False
        granted = admin.ModelAdmin.has_delete_permission(self, request, obj)
        return granted and (obj is None or rules_allow(self, request, obj))

    @method_decorator(sensitive_post_parameters("secret"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, form_url, extra_context)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        url = obj.url if obj.remote_id else receiving_url(request, obj)
        deliveries = admin_url(self.admin_site, "pandabase_webhookdelivery_changelist")
        return {
            "receiving_url": url,
            "receiving_problem": _problem_of(url, obj),
            "refused": read_refusals(obj.pk).total,
            "doctor_url": admin_url(self.admin_site, "pandabase_webhookendpoint_doctor", obj.pk),
            "deliveries_url": f"{deliveries}?endpoint__id__exact={obj.pk}"
            if may_view(self.admin_site, request, WebhookDelivery)
            else "",
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        secret = form.cleaned_data.get("new_secret")
        if secret is None:
            return
        try:
            install_secret(obj, secret)
        except (PandabaseError, ConfigurationError) as error:
            text = gettext("The secret was not kept: %(why)s") % {"why": error}
            self.message_user(request, text, messages.ERROR)

    @admin.display(description=_("endpoint"), ordering="label")
    def name(self, endpoint: WebhookEndpoint) -> str:
        return with_quiet(endpoint, endpoint.store, "" if endpoint.enabled else gettext("Disabled"))

    @admin.display(description=_("registration"), ordering="registration")
    def registered(self, endpoint: WebhookEndpoint) -> str:
        if endpoint.drift:
            return badge(gettext("Differs"), tone="bad")
        tone = TONES.get(WebhookEndpoint.Registration(endpoint.registration), "quiet")
        return badge(endpoint.get_registration_display(), tone=tone)

    @admin.display(description=_("refused"))
    def refused(self, endpoint: Any) -> str:
        total = total_of(endpoint.refused_counts)
        if not total:
            return EMPTY
        url = admin_url(self.admin_site, "pandabase_webhookendpoint_doctor", endpoint.pk)
        return format_html('<a href="{}">{}</a>', url, total)

    @admin.display(description=_("waiting"))
    def waiting(self, endpoint: Any) -> str:
        return self._link(endpoint, WebhookDelivery.State.PENDING, endpoint.waiting_count)

    @admin.display(description=_("dead letters"))
    def dead(self, endpoint: Any) -> str:
        return self._link(endpoint, WebhookDelivery.State.DEAD, endpoint.dead_count)

    def _link(self, endpoint: WebhookEndpoint, state: str, count: int | None) -> str:
        if not count:
            return EMPTY
        if not may_link(self.admin_site, WebhookDelivery):
            return str(count)
        return format_html(
            '<a href="{}?endpoint__id__exact={}&state__exact={}">{}</a>',
            admin_url(self.admin_site, "pandabase_webhookdelivery_changelist"),
            endpoint.pk,
            state,
            count,
        )

    @admin.display(description=_("differences"))
    def differences(self, endpoint: WebhookEndpoint) -> str:
        table = format_html_join(
            "",
            "<tr><th scope='row'>{}</th><td>{}</td><td>{}</td></tr>",
            (
                (
                    FIELD_LABELS.get(entry["field"], entry["field"]),
                    _readable(entry["here"]),
                    _readable(entry["there"]),
                )
                for entry in endpoint.drift
                if isinstance(entry, dict)
            ),
        )
        if not table:
            return EMPTY
        return format_html(
            "<table class='pandabase-grid'><thead><tr><th></th><th>{}</th><th>{}</th></tr></thead>"
            "<tbody>{}</tbody></table>",
            _("Here"),
            _("At Pandabase"),
            table,
        )


def _readable(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _problem_of(url: str, endpoint: WebhookEndpoint) -> str:
    """Why Pandabase can't deliver to an address; "" when it can."""
    if not url:
        return gettext(
            'The app\'s URLs are not included: add path("pandabase/", '
            'include("pandabase_django.urls")) to your project\'s urls.py.'
        )
    try:
        registration.checked_url(url, store=endpoint.store)
        check_own_address(url, endpoint=endpoint)
    except (ValueError, ConfigurationError) as error:
        return str(error)
    return ""
