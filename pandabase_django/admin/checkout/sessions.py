"""Checkout sessions: what was asked of whom, and which orders came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import (
    EMPTY,
    badge,
    moment,
    money,
    payload,
    with_store,
)
from pandabase_django.admin.base.export import ExportMixin
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import link
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.checkout.cells import (
    STATE_TONES,
    handing_badge,
    order_link,
    paid_amount,
    user_condition,
    user_link,
    verdict_badge,
)
from pandabase_django.admin.checkout.filters import PurposeFilter
from pandabase_django.models import CheckoutSession, Order, Purchase, Store
from pandabase_django.services.purchases.judgement import NAMING
from pandabase_django.texts.amounts import major_units

__all__ = ["CheckoutSessionAdmin"]

Verdict = Purchase.Verdict


def order_of(session: CheckoutSession) -> Order | None:
    """The order that paid for it; or else one that paid otherwise, or has yet to pay."""
    ranks = (Verdict.MATCHED, Verdict.ACCEPTED, Verdict.MISMATCH, Verdict.WAITING)
    own = [
        purchase
        for purchase in session.purchases.all()
        if purchase.verdict in ranks
        # A stranger's payment is none of this session.
        and not any(found.get("code") in NAMING for found in purchase.differences)
    ]
    own.sort(key=lambda purchase: (ranks.index(Verdict(purchase.verdict)), purchase.pk))
    return own[0].order if own else None


def _least(item: dict[str, Any]) -> int | None:
    """The least price of a piece, where the buyer names it."""
    least: int | None = item.get("least_minor")
    return least


def _paid(session: CheckoutSession) -> Any:
    order = order_of(session)
    if order is None:
        return None
    total = order.amount_minor if order.total_minor is None else order.total_minor
    return major_units(total, order.currency)


@admin.register(CheckoutSession)
class CheckoutSessionAdmin(PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """Sessions are read; the shop's code opens them, and orders move them."""

    why_read_only = _(
        "This is what the shop asked for, written down before Pandabase was asked. Orders are "
        "compared with it, so nobody can change it."
    )
    when_empty = _(
        "No checkout has been opened yet. A shop's pages do that, by the tag "
        "pandabase_checkout_button."
    )
    list_display = ("name", "outcome", "buyer", "asked", "paid", "created")
    list_filter = ("state", "created_at", PurposeFilter, StoreFilter)
    list_select_related = ("user",)
    list_per_page = 50
    sortable_by = ("created",)
    search_help_text = _("A whole id of a checkout or order, or a user's whole name or e-mail.")
    search_fields = ("reference", "public_id")
    above = ("admin/pandabase/checkout/session_items.html",)
    export_columns = (
        "session_id",
        ("store", lambda row: row.store_id),
        "state",
        ("user", lambda row: row.user.get_username() if row.user else ""),
        "purpose",
        ("asked", lambda row: major_units(row.subtotal_minor, row.currency)),
        "currency",
        "coupon_code",
        ("order", lambda row: getattr(order_of(row), "pk", "")),
        ("paid", _paid),
        ("paid_currency", lambda row: getattr(order_of(row), "currency", "")),
        "created_at",
        "expires_at",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("outcome", "store_link"),
                    ("user_shown", "purpose"),
                    ("asked", "paid"),
                    ("coupon_code", "largest_discount"),
                    "refusal",
                    "context_shown",
                )
            },
        ),
        (
            _("At Pandabase"),
            {
                "fields": (
                    ("session_id", "reference"),
                    ("created_at", "opened_at"),
                    "expires_at",
                    "checkout_url",
                    "return_url",
                    "cancel_url",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CheckoutSession]:
        rows: QuerySet[CheckoutSession] = super().get_queryset(request)
        return rows.prefetch_related("purchases__order")

    def search_condition(self, term: str) -> Q:
        found = super().search_condition(term) | user_condition(term)
        # With their stores, as the index has them.
        stores = list(Store.objects.values_list("pk", flat=True))
        found |= Q(session_id=term, store__in=stores)
        named = Purchase.objects.filter(order=term).values_list("session", flat=True)
        return found | Q(pk__in=list(named))

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        purchases = visible_rows(self.admin_site, request, Purchase)
        return {
            **super().panel_context(request, obj),
            "asked_items": [
                {
                    "name": item.get("name") or item.get("product_id"),
                    "quantity": item.get("quantity"),
                    "price": money(_least(item) or item.get("price_minor"), obj.currency),
                    "named_by_buyer": _least(item) is not None,
                }
                for item in obj.items
            ],
            "purchases": [
                {
                    "order": order_link(self.admin_site, purchase),
                    "paid": paid_amount(purchase.order),
                    "verdict": link(self.admin_site, purchase, verdict_badge(purchase)),
                    "handed": handing_badge(purchase),
                    "seen_at": purchase.seen_at,
                }
                for purchase in purchases.filter(session=obj).order_by("pk")
            ],
        }

    @admin.display(description=_("checkout session"))
    def name(self, session: CheckoutSession) -> str:
        order = order_of(session)
        name = session.session_id or session.reference
        return with_store(session, name, session.purpose, order.pk if order else "")

    @admin.display(description=_("state"))
    def outcome(self, session: CheckoutSession) -> str:
        state = CheckoutSession.State(session.state)
        return badge(session.get_state_display(), tone=STATE_TONES[state])

    @admin.display(description=_("user"))
    def buyer(self, session: CheckoutSession) -> str:
        return str(session.user or gettext("Guest"))

    @admin.display(description=_("user"))
    def user_shown(self, session: CheckoutSession) -> str:
        return user_link(self.admin_site, session.user)

    @admin.display(description=_("asked"))
    def asked(self, session: CheckoutSession) -> str:
        return money(session.subtotal_minor, session.currency)

    @admin.display(description=_("paid"))
    def paid(self, session: CheckoutSession) -> str:
        return paid_amount(order_of(session))

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, session: CheckoutSession) -> str:
        return moment(session.created_at)

    @admin.display(description=_("largest discount"))
    def largest_discount(self, session: CheckoutSession) -> str:
        return money(session.discount_limit_minor, session.currency)

    @admin.display(description=_("context"))
    def context_shown(self, session: CheckoutSession) -> str:
        if not session.context:
            return EMPTY
        return payload(session.context, title=gettext("As the shop gave it"))
