"""Erasures: who erased a person and when, and the pages that export and erase one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import EMPTY, moment, with_quiet
from pandabase_django.admin.base.export import download
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import change_url
from pandabase_django.admin.base.live import LiveMixin, LiveState
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.base.scope import blank_row_of, visible_stores
from pandabase_django.admin.people.forms import EraseForm, PersonForm
from pandabase_django.admin.people.texts import erasure_state, kind_text, state_text
from pandabase_django.database import transaction
from pandabase_django.exceptions import SealError
from pandabase_django.models import Customer, Erasure, Order, Store
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.people.exporting import export_texts
from pandabase_django.services.people.finding import Person, find_person, similar_addresses
from pandabase_django.services.people.queue import ask_for_erasure

__all__ = ["ErasureAdmin"]

logger = get_logger(__name__)

EXPORT = "pandabase.export_person"
ERASE = "pandabase.erase_person"


@admin.register(Erasure)
class ErasureAdmin(LiveMixin, ReadOnlyAdmin):
    """A person is exported and erased here; the list keeps who did it when, and no address."""

    when_empty = _(
        "Nobody has been erased yet. “Erase a person” asks for an address, and first shows what "
        "is here."
    )
    list_display = ("name", "by", "rows", "finished")
    list_filter = (StoreFilter,)
    list_select_related = ("user",)
    sortable_by = ()
    change_list_template = "admin/pandabase/people/change_list.html"
    called_by_store = True
    fields = (("of_store", "by"), ("begun_at", "finished_at"), "rows")
    above = ("admin/pandabase/people/progress.html",)
    why_read_only = _("This is the record of an erasure. It names nobody.")

    def has_export_person_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a person's data may be exported; ``obj`` is an erasure of the store."""
        return self._granted(request, EXPORT, obj)

    def has_erase_person_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a person may be erased; ``obj`` is an erasure of the store."""
        return self._granted(request, ERASE, obj)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        # In small transactions of its own.
        erase = transaction.non_atomic_requests(wrap(self.erase_view))
        return [
            path("person/export/", wrap(self.export_person_view), name=self._name("person_export")),
            path("person/erase/", erase, name=self._name("person_erase")),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        urls = {
            "person_export_url": self._page("person_export") if self.may(request, EXPORT) else "",
            "person_erase_url": self._page("person_erase") if self.may(request, ERASE) else "",
        }
        return super().changelist_view(request, {**(extra_context or {}), **urls})

    def export_person_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Ask for the address, then give everything as a file."""
        stores = self._stores(request, EXPORT)
        form = PersonForm(request.POST if request.method == "POST" else None)
        if stores and form.is_bound and form.is_valid():
            logger.info("%s exports a person's data.", request.user.get_username())
            texts = export_texts(stores, form.cleaned_data["address"])
            return download(request, texts, name="person.json", kind="application/json")
        title = gettext("Export a person's data")
        about = gettext(
            "You get a file (JSON) with every row that belongs to this person: what they bought, "
            "asked for and typed in. Keep it as safe as the rows themselves."
        )
        submit = gettext("Export")
        return self._person_page(request, stores, form, title, submit=submit, about=about)

    def erase_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the address, show what there is, and erase once that is confirmed."""
        stores = self._stores(request, ERASE)
        title = gettext("Erase a person")
        asked = PersonForm(request.POST if request.method == "POST" else None)
        # Without a store the page says why: the rights may be gone since it was opened.
        if not (stores and asked.is_bound and asked.is_valid()):
            about = gettext(
                "First you see what is here of this person. Nothing changes until you confirm that."
            )
            submit = gettext("Show what is here")
            return self._person_page(request, stores, asked, title, submit=submit, about=about)
        address = asked.cleaned_data["address"]
        data = request.POST if "nonce" in request.POST else None
        form = EraseForm(data, address=address, stores=stores, user=request.user)
        if form.is_bound and form.is_spent:
            text = gettext(
                "Nothing was done: this form was sent before, is older than an hour, or somebody "
                "was erased since it was opened. Look again."
            )
            messages.warning(request, text)
            return HttpResponseRedirect(self._page("person_erase"))
        if form.is_bound and form.is_valid():
            return self._erase(request, stores, address)
        people = [find_person(store, address) for store in stores]
        return TemplateResponse(
            request,
            "admin/pandabase/people/erase.html",
            {
                **self._context(request, title),
                "form": form,
                "people": [(person.store, _counted(person)) for person in people],
                "similar": similar_addresses(stores, address),
            },
        )

    def _erase(self, request: HttpRequest, stores: list[Store], address: str) -> HttpResponse:
        source = Erasure.Source.ADMIN
        try:
            with transaction.atomic():
                asked = [
                    ask_for_erasure(store, address, source=source, user=request.user)
                    for store in stores
                ]
        except SealError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self._page("changelist"))
        rows = Erasure.objects.filter(pk__in=[erasure.pk for erasure in asked])
        # One that a worker has taken by now is not due.
        if rows.filter(enqueued_at=None, next_attempt_at__lte=timezone.now()).exists():
            text = gettext(
                "The erasure is recorded, but the broker does not answer: no worker knows of it. "
                "The schedule hands it on when the broker is back."
            )
            messages.error(request, text)
        else:
            messages.success(request, gettext("The erasure was handed to the workers."))
        if len(asked) == 1:
            return HttpResponseRedirect(change_url(self.admin_site, "erasure", asked[0].pk))
        return HttpResponseRedirect(self._page("changelist"))

    def live_state(self, request: HttpRequest, obj: Any) -> LiveState:
        return erasure_state(obj)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        state = erasure_state(obj)
        return {
            **super().panel_context(request, obj),
            "title": gettext("Erasure %(number)s") % {"number": obj.pk},
            "subtitle": str(obj.store),
            "erasure_state": state,
            "pandabase_live_url": self.live_url(obj) if state.open else "",
        }

    def _stores(self, request: HttpRequest, permission: str) -> list[Store]:
        """The stores of which this person may do that, and see orders and customers."""
        if not self.may(request, permission):
            raise PermissionDenied
        site = self.admin_site
        seen = [{s.pk for s in visible_stores(site, request, m)} for m in (Customer, Order)]
        return [
            store
            for store in visible_stores(site, request, Erasure)
            if all(store.pk in pks for pks in seen)
            and self.may(request, permission, blank_row_of(self, store))
        ]

    def _person_page(
        self,
        request: HttpRequest,
        stores: list[Store],
        form: PersonForm,
        title: str,
        *,
        submit: str,
        about: str,
    ) -> HttpResponse:
        context = {
            **self._context(request, title),
            "form": form,
            "stores": stores,
            "submit_label": submit,
            "about": about,
        }
        return TemplateResponse(request, "admin/pandabase/people/person.html", context)

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media,
            "back_url": self._page("changelist"),
        }

    def _page(self, part: str) -> str:
        return reverse(f"{self.admin_site.name}:{self._name(part)}")

    def _name(self, part: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{part}"  # a proxy's is another one

    @admin.display(description=_("erasure"))
    def name(self, erasure: Erasure) -> str:
        return with_quiet(moment(erasure.begun_at), erasure.store)

    @admin.display(description=_("by"))
    def by(self, erasure: Erasure) -> str:
        return str(erasure.user or erasure.get_source_display())

    @admin.display(description=_("rows"))
    def rows(self, erasure: Erasure) -> str:
        counts = sorted(erasure.counts.items())  # PostgreSQL keeps no order
        return ", ".join(f"{kind_text(name)}: {n}" for name, n in counts) or EMPTY

    @admin.display(description=_("finished"))
    def finished(self, erasure: Erasure) -> str:
        return moment(erasure.finished_at) if erasure.finished_at else state_text(erasure)


def _counted(person: Person) -> list[tuple[str, int]]:
    """How many rows of each kind, by the words of the pages."""
    return [(str(m._meta.verbose_name_plural), len(pks)) for m, pks in person.rows.items() if pks]
