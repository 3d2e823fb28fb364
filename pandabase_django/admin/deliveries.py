"""Deliveries that arrived: what each said, what came of it, and the button that does it again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.formats import date_format, localize
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.buttons import Button
from pandabase_django.admin.display import EMPTY, badge, payload
from pandabase_django.admin.links import change_url, link
from pandabase_django.admin.page import ReadOnlyAdmin
from pandabase_django.api.webhook_payload import EVENT_TYPES
from pandabase_django.models import HandledEvent, Order, WebhookDelivery
from pandabase_django.models.lookups import Among
from pandabase_django.services.webhooks.queue import replay

__all__ = ["WebhookDeliveryAdmin"]

TONES = {
    WebhookDelivery.State.PROCESSED: "good",
    WebhookDelivery.State.DEAD: "bad",
}
SHORT_ERROR_CHARACTERS = 80


class EventFilter(admin.SimpleListFilter):
    """By the events that are known: a list of all that ever came would read the whole table."""

    title = _("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in EVENT_TYPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event=self.value()) if self.value() else queryset


def _replay(
    model_admin: WebhookDeliveryAdmin, request: HttpRequest, delivery: WebhookDelivery
) -> None:
    model_admin.replay_all(request, WebhookDelivery.objects.filter(pk=delivery.pk))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Deliveries are read, and replayed; nothing else."""

    store_lookup = "endpoint__store"
    list_display = (
        "event",
        "outcome_and_error",
        "order_link",
        "received",
    )
    list_filter = ("state", EventFilter, "version", "received_at")
    search_fields = ("=event_id", "=order_id")
    list_select_related = ("endpoint",)
    show_full_result_count = False
    list_per_page = 50
    actions = ("replay",)
    buttons = (
        Button(
            "replay",
            _("Replay"),
            "pandabase.replay_webhookdelivery",
            _replay,
            lambda delivery: delivery.state != WebhookDelivery.State.PENDING,
        ),
    )
    fieldsets = (
        (None, {"fields": ("event", "outcome", "order_link", "handlers", "last_error")}),
        (
            _("Work"),
            {
                "fields": (
                    "attempts",
                    "received_at",
                    "enqueued_at",
                    "next_attempt_at",
                    "finished_at",
                )
            },
        ),
        (
            _("As it arrived"),
            {
                "fields": (
                    "endpoint_link",
                    "event_id",
                    "event_at",
                    "signature",
                    "conflicts",
                    "kept_headers",
                    "kept_payload",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        orders = Order.objects.filter(
            pk=OuterRef("order_id"), store_id=OuterRef("endpoint__store_id")
        )
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request)
        annotated: QuerySet[Any] = rows.annotate(order_status=Subquery(orders.values("status")))
        return annotated

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """For the action: Django asks by this name."""
        return request.user.has_perm("pandabase.replay_webhookdelivery")

    @admin.action(description=_("Replay selected deliveries"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        self.replay_all(request, queryset)

    def replay_all(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        """Make them pending again, and hand them to the workers once that is committed."""
        ids = replay(deliveries.values_list("pk", flat=True))
        for delivery in WebhookDelivery.objects.filter(Among(F("pk"), ids)):
            self.log_change(request, delivery, "Replayed.")
        transaction.on_commit(lambda: self._enqueue(request, ids))

    def _enqueue(self, request: HttpRequest, ids: list[int]) -> None:
        taken = tasks.enqueue_deliveries(ids)
        text = ngettext(
            "%(count)d delivery is worked off again.",
            "%(count)d deliveries are worked off again.",
            len(ids),
        ) % {"count": len(ids)}
        if taken < len(ids):
            text += " " + gettext("The broker does not answer: the next sweep hands them on.")
        self.message_user(
            request, text, messages.SUCCESS if taken == len(ids) else messages.WARNING
        )

    @admin.display(description=_("state"), ordering="state")
    def outcome(self, delivery: WebhookDelivery) -> str:
        tone = TONES.get(WebhookDelivery.State(delivery.state), "quiet")
        return badge(delivery.get_state_display(), tone=tone)

    @admin.display(description=_("order"))
    def order_link(self, delivery: Any) -> str:
        url = change_url(self.admin_site, "order", delivery.order_id)
        if delivery.order_status is None or not url:
            return delivery.order_id or EMPTY
        return format_html(
            '<a href="{}">{}</a> <span class="pandabase-quiet">{}</span>',
            url,
            delivery.order_id,
            delivery.order_status,
        )

    @admin.display(description=_("endpoint"))
    def endpoint_link(self, delivery: WebhookDelivery) -> str:
        return link(self.admin_site, delivery.endpoint)

    @admin.display(description=_("signature"))
    def signature(self, delivery: WebhookDelivery) -> str:
        key = delivery.get_key_reading_display()
        parts = [delivery.version, gettext("key: %(key)s") % {"key": key}]
        if delivery.used_previous_secret:
            parts.append(gettext("signed with the previous secret"))
        return ", ".join(parts)

    @admin.display(description=_("handled by"))
    def handlers(self, delivery: WebhookDelivery) -> str:
        handled = HandledEvent.objects.filter(
            store_id=delivery.endpoint.store_id, event_id=delivery.event_id
        )
        rows = ((row.handler, localize(localtime(row.handled_at))) for row in handled)
        return format_html_join("", "<div><code>{}</code> {}</div>", rows) or EMPTY

    @admin.display(description=_("headers"))
    def kept_headers(self, delivery: WebhookDelivery) -> str:
        rows = sorted(delivery.headers.items())
        return format_html_join("", "<div><code>{}: {}</code></div>", rows) or EMPTY

    @admin.display(description=_("payload"))
    def kept_payload(self, delivery: WebhookDelivery) -> str:
        return payload(delivery.payload, title=gettext("What was kept of it"))

    @admin.display(description=_("received"), ordering="received_at")
    def received(self, delivery: WebhookDelivery) -> str:
        at = localtime(delivery.received_at)
        return f"{date_format(at, 'SHORT_DATE_FORMAT')} {at:%H:%M:%S}"

    @admin.display(description=_("state"), ordering="state")
    def outcome_and_error(self, delivery: WebhookDelivery) -> str:
        if not delivery.last_error:
            return self.outcome(delivery)
        attempts = ngettext("%(count)d attempt", "%(count)d attempts", delivery.attempts) % {
            "count": delivery.attempts
        }
        return format_html(
            '{}<div class="pandabase-quiet">{}: {}</div>',
            self.outcome(delivery),
            attempts,
            Truncator(delivery.last_error).chars(SHORT_ERROR_CHARACTERS),
        )
