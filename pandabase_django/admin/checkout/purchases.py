"""Purchases: what an order is to its checkout, what was handed out, and what a person may do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.base.display import EMPTY, moment, money, with_quiet, with_store
from pandabase_django.admin.base.enqueue import hand_over_again
from pandabase_django.admin.base.export import ExportMixin
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url, link
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.checkout.cells import (
    handing_badge,
    order_link,
    paid_amount,
    user_condition,
    user_link,
    verdict_badge,
)
from pandabase_django.admin.checkout.filters import HandingFilter, PurposeFilter
from pandabase_django.admin.checkout.forms import AcceptForm
from pandabase_django.admin.checkout.texts import difference_texts, explain, is_undecided
from pandabase_django.models import CheckoutSession, Purchase, Store
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.purchases.matching import accept_purchase
from pandabase_django.services.purchases.queue import replay, uncalled
from pandabase_django.texts.amounts import major_units

__all__ = ["PurchaseAdmin"]

ACCEPT = "pandabase.accept_purchase"
REPLAY = "pandabase.replay_purchase"
SHORT_CHARACTERS = 80
State = Purchase.State


def _has_failed(purchase: Purchase) -> bool:
    return purchase.state == State.DEAD or (
        purchase.state == State.PENDING and bool(purchase.last_error)
    )


def _may_help(purchase: Purchase) -> bool:
    # Only on the page of one: to a handler that was renamed, all of a list would be new.
    return _has_failed(purchase) or uncalled(purchase)


def _call_again(model_admin: PurchaseAdmin, request: HttpRequest, purchase: Purchase) -> None:
    model_admin.call_again(request, [purchase])


@admin.register(Purchase)
class PurchaseAdmin(PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """Purchases are judged by the sync. A person accepts one, or has handlers called again."""

    when_empty = _(
        "Nothing has been bought through a checkout of this shop yet. All orders are in their "
        "own list."
    )
    list_display = ("name", "outcome", "buyer", "paid", "seen")
    list_filter = ("verdict", HandingFilter, PurposeFilter, StoreFilter)
    list_select_related = ("user", "session")
    list_per_page = 50
    sortable_by = ()
    search_help_text = _("A whole id of a checkout or order, or a user's whole name or e-mail.")
    search_fields = ("order",)
    actions = ("call_handlers_again",)
    above = ("admin/pandabase/checkout/purchase.html",)
    below = ("admin/pandabase/checkout/facts.html",)
    buttons = (Button("again", _("Call again now"), REPLAY, _call_again, _may_help),)
    export_columns = (
        ("order", lambda row: row.order_id),
        ("store", lambda row: row.store_id),
        ("session_id", lambda row: row.session.session_id),
        "verdict",
        ("differences", lambda row: " ".join(difference_texts(row))),
        ("user", lambda row: row.user.get_username() if row.user else ""),
        "purpose",
        ("asked", lambda row: major_units(row.session.subtotal_minor, row.session.currency)),
        ("currency", lambda row: row.session.currency),
        "last_fact",
        "state",
        "attempts",
        "last_error",
        "seen_at",
        "decided_at",
        "accepted_reason",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("order_shown", "session_shown"),
                    ("user_shown", "purpose_shown"),
                    "subscription_shown",
                    ("asked", "paid"),
                    ("seen_at", "decided_at"),
                    ("accepted_by", "accepted_reason"),
                )
            },
        ),
        (
            _("Handing out"),
            {
                "fields": (
                    ("handed", "attempts"),
                    ("next_attempt_at", "finished_at"),
                    "last_error",
                )
            },
        ),
    )

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether its handlers may be called again."""
        return self._granted(request, REPLAY, obj)

    def has_accept_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be accepted by hand."""
        return self._granted(request, ACCEPT, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        rows: QuerySet[Purchase] = super().get_queryset(request)
        return rows.select_related("session", "user").prefetch_related("order", "facts__handled")

    def get_urls(self) -> list[URLPattern]:
        accept = path(
            "<path:object_id>/accept/",
            self.admin_site.admin_view(self.accept_view),
            name="pandabase_purchase_accept",
        )
        return [accept, *super().get_urls()]

    def search_condition(self, term: str) -> Q:
        stores = list(Store.objects.values_list("pk", flat=True))
        named = Q(session_id=term, store__in=stores) | Q(pk=term)
        sessions = CheckoutSession.objects.filter(named).values_list("pk", flat=True)
        found = super().search_condition(term) | user_condition(term)
        return found | Q(session__in=list(sessions))

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_accept = is_undecided(obj) and self.may(request, ACCEPT, obj)
        return {
            **super().panel_context(request, obj),
            "explanation": explain(obj),
            "verdict": verdict_badge(obj),
            "differences": difference_texts(obj),
            "is_accepted": obj.verdict == Purchase.Verdict.ACCEPTED,
            "accept_url": admin_url(self.admin_site, "pandabase_purchase_accept", obj.pk)
            if may_accept
            else "",
            "order_url": change_url(self.admin_site, "order", obj.order_id)
            if obj.order and may_view(self.admin_site, request, obj.order)
            else "",
            "facts": [(fact, [*fact.handled.all()]) for fact in obj.facts.all()],
        }

    def accept_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what differs once more, ask why, and accept."""
        purchase: Purchase | None = self.get_object(request, unquote(object_id))
        if not self.may(request, ACCEPT, purchase):
            raise PermissionDenied
        if purchase is None:
            raise Http404
        data = request.POST if request.method == "POST" else None
        form = AcceptForm(data, purchase=purchase, user=request.user)
        back = HttpResponseRedirect(change_url(self.admin_site, "purchase", purchase.pk))
        if form.is_bound and form.is_spent:
            text = gettext(
                "Nothing was done: this form was sent before, is older than an hour, or the "
                "purchase has changed since it was opened. This is its state now."
            )
            messages.warning(request, text)
            return back
        if not is_undecided(purchase):
            messages.warning(request, gettext("There is nothing to accept here."))
            return back
        if form.is_bound and form.is_valid():
            self._accept(request, purchase, form.cleaned_data["reason"])
            return back
        title = gettext("Accept the order %(order)s") % {"order": purchase.order_id}
        return self.form_page(
            request,
            purchase,
            "admin/pandabase/checkout/accept.html",
            title,
            form=form,
            differences=difference_texts(purchase),
            explanation=explain(purchase),
            buyer=purchase.session.user,
            asked=self.asked(purchase),
            paid=self.paid(purchase),
        )

    def _accept(self, request: HttpRequest, purchase: Purchase, reason: str) -> None:
        try:
            accept_purchase(purchase.pk, reason=reason, user=request.user)
        except ValueError as error:  # another person was faster
            messages.error(request, str(error))
            return
        self.log_change(request, purchase, "Accepted by hand.")  # why, the purchase says
        messages.success(request, gettext("Accepted. A worker calls the handlers now."))

    @admin.action(description=_("Call handlers again now"), permissions=["replay"])
    def call_handlers_again(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        self.call_again(request, [row for row in queryset if _has_failed(row)])

    def call_again(self, request: HttpRequest, purchases: list[Purchase]) -> None:
        """Make them due now, and hand them to the workers once that is committed."""
        ids = replay([row.pk for row in self.permitted(request, REPLAY, purchases)])
        for purchase in Purchase.objects.filter(Among(F("pk"), ids)):
            self.log_change(request, purchase, "Handlers called again.")

        hand_over_again(
            request,
            ids,
            tasks.enqueue_purchases,
            message=lambda count: (
                ngettext(
                    "Handlers of %(count)d purchase are called again.",
                    "Handlers of %(count)d purchases are called again.",
                    count,
                )
                % {"count": count}
            ),
        )

    @admin.display(description=_("order"))
    def name(self, purchase: Purchase) -> str:
        return with_store(purchase, purchase.order_id or EMPTY, purchase.purpose)

    @admin.display(description=_("verdict"))
    def outcome(self, purchase: Purchase) -> str:
        differences = difference_texts(purchase)
        first = Truncator(differences[0]).chars(SHORT_CHARACTERS) if differences else ""
        handed = handing_badge(purchase)
        return with_quiet(verdict_badge(purchase), first, "" if handed == EMPTY else handed)

    @admin.display(description=_("handing out"))
    def handed(self, purchase: Purchase) -> str:
        return handing_badge(purchase)

    @admin.display(description=_("user"))
    def buyer(self, purchase: Purchase) -> str:
        if not purchase.belongs:
            return EMPTY
        return str(purchase.user or gettext("Guest"))

    @admin.display(description=_("user"))
    def user_shown(self, purchase: Purchase) -> str:
        return user_link(self.admin_site, purchase.user)

    @admin.display(description=_("subscription"))
    def subscription_shown(self, purchase: Purchase) -> str:
        if purchase.subscription is None:
            return EMPTY
        return link(self.admin_site, purchase.subscription)

    @admin.display(description=_("purpose"))
    def purpose_shown(self, purchase: Purchase) -> str:
        return purchase.purpose

    @admin.display(description=_("order"))
    def order_shown(self, purchase: Purchase) -> str:
        if purchase.order is None:
            return order_link(self.admin_site, purchase)
        return with_quiet(order_link(self.admin_site, purchase), purchase.order.status)

    @admin.display(description=_("checkout session"))
    def session_shown(self, purchase: Purchase) -> str:
        return link(self.admin_site, purchase.session)

    @admin.display(description=_("asked"))
    def asked(self, purchase: Purchase) -> str:
        return money(purchase.session.subtotal_minor, purchase.session.currency)

    @admin.display(description=_("paid"))
    def paid(self, purchase: Purchase) -> str:
        return paid_amount(purchase.order)

    @admin.display(description=_("first seen"))
    def seen(self, purchase: Purchase) -> str:
        return moment(purchase.seen_at)
