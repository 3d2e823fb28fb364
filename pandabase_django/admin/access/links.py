"""Links of customers to users: their history, and how a person makes one or takes it back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.access.forms import LinkForm, UnlinkForm
from pandabase_django.admin.base.display import EMPTY, badge, moment, with_quiet, with_store
from pandabase_django.admin.base.export import ExportMixin
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url, link
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.page import PandabaseAdmin, ReadOnlyAdmin
from pandabase_django.admin.base.rights import admin_of, may_view
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.checkout.cells import user_condition, user_link
from pandabase_django.models import Customer, CustomerLink
from pandabase_django.services.access.links import link_customer, unlink_customer

__all__ = ["CustomerLinkAdmin", "LinkPageMixin"]

LINK = "pandabase.link_customer"


class InForceFilter(admin.SimpleListFilter):
    """Those in force, or those that are history."""

    title = _("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        in_force = Q(pk__in=CustomerLink.objects.in_force().values("pk"))
        wanted = {"yes": in_force, "no": ~in_force}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(CustomerLink)
class CustomerLinkAdmin(PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """Links stay as the history. A person takes one back; a customer's page makes one."""

    when_empty = _("Nobody is linked yet. The page of a customer has the button.")
    list_display = ("customer_listed", "user_shown", "state", "source", "linked")
    list_filter = (InForceFilter, "source", StoreFilter)
    list_select_related = ("user",)
    list_per_page = 50
    sortable_by = ()
    search_help_text = _("A whole id of a customer, or a user's whole name or e-mail.")
    search_fields = ("customer",)
    above = ("admin/pandabase/access/link.html",)
    export_columns = (
        ("customer", lambda row: row.customer_id),
        ("store", lambda row: row.store_id),
        ("user", lambda row: row.user.get_username() if row.user else ""),
        "source",
        "reason",
        "linked_at",
        ("linked_by", lambda row: row.linked_by.get_username() if row.linked_by else ""),
        "ended_at",
        ("ended_by", lambda row: row.ended_by.get_username() if row.ended_by else ""),
        "end_reason",
    )
    fields = (
        ("customer_shown", "user_shown"),
        "of_store",
        ("state", "source"),
        ("linked_at", "linked_by"),
        "reason",
        ("ended_at", "ended_by"),
        "end_reason",
    )

    def has_link_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a link may be taken back; its customer is asked as well."""
        return self._granted(request, LINK, obj) and self._agreed(
            request, "link", getattr(obj, "customer", None)
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("user", "linked_by", "ended_by")
        return rows.prefetch_related("customer")

    def get_urls(self) -> list[URLPattern]:
        unlink = path(
            "<path:object_id>/unlink/",
            self.admin_site.admin_view(self.unlink_view),
            name="pandabase_customerlink_unlink",
        )
        return [unlink, *super().get_urls()]

    def search_condition(self, term: str) -> Q:
        return super().search_condition(term) | user_condition(term)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_end = obj.is_in_force and self.may(request, LINK, obj)
        url = admin_url(self.admin_site, "pandabase_customerlink_unlink", obj.pk)
        return {**super().panel_context(request, obj), "unlink_url": url if may_end else ""}

    def unlink_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, and take the link back."""
        found: CustomerLink | None = self.get_object(request, unquote(object_id))
        if not self.may(request, LINK, found):
            raise PermissionDenied
        if found is None:
            raise Http404
        form = UnlinkForm(
            request.POST if request.method == "POST" else None, link=found, user=request.user
        )
        back = HttpResponseRedirect(change_url(self.admin_site, "customerlink", found.pk))
        if not found.is_in_force or (form.is_bound and form.is_spent):
            messages.warning(request, _spent())
            return back
        if form.is_bound and form.is_valid():
            if unlink_customer(found, reason=form.cleaned_data["reason"], by=request.user):
                self.log_change(request, found, "Taken back.")
                messages.success(request, gettext("The link was taken back."))
            else:  # another person was faster
                messages.warning(request, _spent())
            return back
        title = gettext("Take back the link of %(customer)s") % {"customer": found.customer_id}
        template = "admin/pandabase/access/unlink_page.html"
        return self.form_page(request, found, template, title, form=form, owner=found.user)

    @admin.display(description=_("customer"))
    def customer_listed(self, row: CustomerLink) -> str:
        # The list makes this cell a link of its own.
        return with_store(row, row.customer or EMPTY, row.customer_id)

    @admin.display(description=_("customer"))
    def customer_shown(self, row: CustomerLink) -> str:
        if row.customer is None:
            return row.customer_id or EMPTY
        return with_quiet(link(self.admin_site, row.customer), row.customer.pk)

    @admin.display(description=_("user"))
    def user_shown(self, row: CustomerLink) -> str:
        return user_link(self.admin_site, row.user) if row.user else EMPTY

    @admin.display(description=_("state"))
    def state(self, row: CustomerLink) -> str:
        if row.is_in_force:
            return badge(gettext("In force"), tone="good")
        if row.ended_at is not None:
            return badge(gettext("Taken back"), tone="quiet")
        return badge(gettext("The user was deleted"), tone="quiet")

    @admin.display(description=_("linked"))
    def linked(self, row: CustomerLink) -> str:
        return moment(row.linked_at)


class LinkPageMixin(PandabaseAdmin):
    """Adds to a customer's page who they are, and a page that links them."""

    def has_link_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a customer may be linked to a user, or a link be taken back."""
        return self._granted(request, LINK, obj)

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<path:object_id>/link/",
            self.admin_site.admin_view(self.link_view),
            name="pandabase_customer_link",
        )
        return [page, *super().get_urls()]

    def links_context(self, request: HttpRequest, customer: Customer) -> dict[str, Any]:
        """What the panel of links shows."""
        if not may_view(self.admin_site, request, CustomerLink):
            return {}
        visible = visible_rows(self.admin_site, request, CustomerLink)
        links = list(visible.filter(customer=customer.pk, store=customer.store_id))
        may_link = self.may(request, LINK, customer) and not any(one.is_in_force for one in links)
        model_admin = admin_of(self.admin_site, CustomerLink)
        return {
            "links_shown": True,
            "customer_links": [
                {
                    "url": change_url(self.admin_site, "customerlink", one.pk),
                    "user": model_admin.user_shown(one),
                    "state": model_admin.state(one),
                    "source": one.get_source_display(),
                    "linked_at": one.linked_at,
                }
                for one in links
            ],
            "link_url": admin_url(self.admin_site, "pandabase_customer_link", customer.pk)
            if may_link
            else "",
        }

    def link_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask which user it is and why, and link them."""
        customer: Customer | None = self.get_object(request, unquote(object_id))
        if not self.may(request, LINK, customer):
            raise PermissionDenied
        if customer is None:
            raise Http404
        data = request.POST if request.method == "POST" else None
        form = LinkForm(data, customer=customer, user=request.user)
        back = HttpResponseRedirect(change_url(self.admin_site, "customer", customer.pk))
        if form.is_bound and form.is_spent:
            messages.warning(request, _spent())
            return back
        if form.is_bound and form.is_valid():
            user, reason = form.cleaned_data["name"], form.cleaned_data["reason"]
            try:
                made = link_customer(user, customer, reason=reason, by=request.user)
            except ValueError:
                messages.error(request, gettext("This customer is linked to another user."))
                return back
            # Of the link, whose name holds no e-mail address: a log outlives an erasure.
            self.log_change(request, made, "Linked.")
            text = gettext("Linked. What this customer bought is the user's now.")
            messages.success(request, text)
            return back
        title = gettext("Link the customer %(customer)s") % {"customer": customer.pk}
        template = "admin/pandabase/access/link_page.html"
        return self.form_page(
            request, customer, template, title, form=form, orders=customer.orders.live().count()
        )


def _spent() -> str:
    return gettext(
        "Nothing was done: this form was sent before, is older than an hour, or the link has "
        "changed since it was opened. This is its state now."
    )
