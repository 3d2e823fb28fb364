"""Deliveries that arrived: what each said, what came of it, and the button that does it again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.base.display import (
    EMPTY,
    badge,
    breakable,
    moment,
    payload,
    with_quiet,
    with_store,
)
from pandabase_django.admin.base.enqueue import hand_over_again
from pandabase_django.admin.base.links import change_url, link, may_link
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.models import HandledEvent, Order, WebhookDelivery
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.webhooks.queue import replay
from pandabase_django.texts.times import near_time_text

__all__ = ["REPLAY", "WebhookDeliveryAdmin", "hand_over_replayed"]

TONES = {
    WebhookDelivery.State.PROCESSED: "good",
    WebhookDelivery.State.DEAD: "bad",
}
SHORT_ERROR_CHARACTERS = 80
REPLAY = "pandabase.replay_webhookdelivery"


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


def hand_over_replayed(request: HttpRequest, ids: list[int]) -> None:
    """Hand replayed deliveries to the workers once that is committed."""
    hand_over_again(
        request,
        ids,
        tasks.enqueue_deliveries,
        message=lambda count: (
            ngettext(
                "%(count)d delivery is handled again.",
                "%(count)d deliveries are handled again.",
                count,
            )
            % {"count": count}
        ),
    )


def _fails(delivery: WebhookDelivery) -> bool:
    """Failed before, and will be tried again."""
    return delivery.state == WebhookDelivery.State.PENDING and bool(delivery.last_error)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(PrefixSearchMixin, ReadOnlyAdmin):
    """Deliveries are read, and replayed; nothing else."""

    store_lookup = "endpoint__store"
    when_empty = _(
        "Nothing has been received yet. Add a webhook endpoint, and register it at Pandabase."
    )
    list_display = (
        "name",
        "outcome_and_error",
        "received",
        "order_link",
    )
    list_filter = ("state", EventFilter, "version", "received_at")
    linked_by = ("endpoint__id__exact",)
    search_fields = ("event_id", "order_id")  # whole, and with whatever spaces an id has
    list_select_related = ("endpoint",)
    list_per_page = 50
    actions = ("replay",)
    buttons = (
        Button(
            "replay",
            _("Replay now"),
            REPLAY,
            _replay,
            lambda delivery: delivery.state != WebhookDelivery.State.PENDING or _fails(delivery),
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
                    ("endpoint_link", "of_store"),
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
        orders = visible_rows(self.admin_site, request, Order).filter(
            pk=OuterRef("order_id"), store_id=OuterRef("endpoint__store_id")
        )
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request)
        status = Subquery(orders.order_by().values("status")[:1])
        annotated: QuerySet[Any] = rows.annotate(order_status=status)
        return annotated

    @admin.action(description=_("Replay selected deliveries"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        self.replay_all(request, queryset)

    def replay_all(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        """Make them pending again, and hand them to the workers once that is committed."""
        ids = replay([row.pk for row in self.permitted(request, REPLAY, deliveries)])
        for delivery in WebhookDelivery.objects.filter(Among(F("pk"), ids)):
            self.log_change(request, delivery, "Replayed.")
        hand_over_replayed(request, ids)

    @admin.display(description=_("event"), ordering="event")
    def name(self, delivery: WebhookDelivery) -> str:
        return with_store(delivery, breakable(delivery.event))

    @admin.display(description=_("state"), ordering="state")
    def outcome(self, delivery: WebhookDelivery) -> str:
        if _fails(delivery):
            text = gettext("Failing")
            if delivery.next_attempt_at is not None:
                text = gettext("Failing, next try %(time)s") % {
                    "time": near_time_text(delivery.next_attempt_at)
                }
            return badge(text, tone="bad")
        tone = TONES.get(WebhookDelivery.State(delivery.state), "quiet")
        return badge(delivery.get_state_display(), tone=tone)

    @admin.display(description=_("order"))
    def order_link(self, delivery: Any) -> str:
        url = change_url(self.admin_site, "order", delivery.order_id)
        if delivery.order_status is None or not (url and may_link(self.admin_site, Order)):
            return delivery.order_id or EMPTY
        order = format_html('<a href="{}">{}</a>', url, delivery.order_id)
        return with_quiet(order, delivery.order_status)

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
        rows = ((row.handler, moment(row.handled_at)) for row in handled)
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
        return moment(delivery.received_at)

    @admin.display(description=_("state"), ordering="state")
    def outcome_and_error(self, delivery: WebhookDelivery) -> str:
        if not delivery.last_error:
            return self.outcome(delivery)
        attempts = ngettext("%(count)d attempt", "%(count)d attempts", delivery.attempts) % {
            "count": delivery.attempts
        }
        return format_html(
            '{}<div class="pandabase-cell-text pandabase-quiet">{}: {}</div>',
            self.outcome(delivery),
            attempts,
            Truncator(delivery.last_error).chars(SHORT_ERROR_CHARACTERS),
        )
