"""The address of a list asks for what its filters and links ask for, and for no other column."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from pandabase_django.admin import OrderAdmin
from pandabase_django.models import Order, Product, RemoteAction, Store
from tests.admin.conftest import Login
from tests.admin.rights.enumeration import model_admins

pytestmark = pytest.mark.django_db

#: What pages keep from people who may see the list, and how an address would ask for it.
KEPT = [
    ("remoteaction", "parameters__access_activity_log__icontains=s"),
    ("remoteaction", "parameters__icontains=s"),
    ("apitoken", "secret__isnull=0"),
    ("apitoken", "secret__startswith=v1"),
    ("apitoken", "permissions__code=REFUNDS_WRITE"),
    ("rotationattempt", "reply__isnull=0"),
    ("rotationattempt", "token__secret__isnull=0"),
    ("rotationattempt", "signer__secret_hint=c123"),
    ("webhookendpoint", "secret__isnull=0"),
    ("webhookendpoint", "previous_secret__isnull=1"),
    ("webhookendpoint", "store__tokens__secret_hint__endswith=a"),
    ("webhookdelivery", "payload__customer__email__startswith=a"),
    ("webhookdelivery", "endpoint__secret__isnull=0"),
    ("license", "key_hash__startswith=0"),
    ("license", "customer__email__startswith=a"),
    ("erasure", "hashes__value__startswith=0"),
    ("erasure", "address__isnull=1"),
    ("order", "payload__icontains=a"),
    ("order", "list_row__icontains=a"),
    ("order", "customer__email__startswith=a"),
    ("subscription", "customer__email__startswith=a"),
    ("dispute", "payload__evidence__icontains=a"),
    ("checkoutsession", "same_key__startswith=0"),
    ("checkoutsession", "user__password__startswith=p"),
    ("customerlink", "user__email__startswith=a"),
    ("purchase", "session__same_key__startswith=0"),
    ("requestlog", "payload__icontains=a"),
    ("syncrun", "steps__icontains=a"),
    ("store", "tokens__name__startswith=M"),
    # No columns, but what the list's own query adds to each row.
    ("store", "active_name__startswith=M"),
    ("webhookendpoint", "refused_counts__icontains=a"),
]


#: How an address can ask for a column: as filters do, and in some of the other ways.
OFFERED = ("exact", "isnull", "gte", "lt")
OTHERS = ("startswith", "icontains", "regex", "in", "range")


def asking() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request


def addresses(name: str) -> list[str]:
    """Of a list, and of its export where it has one."""
    found = [reverse(f"admin:pandabase_{name}_changelist")]
    try:
        found.append(reverse(f"admin:pandabase_{name}_export"))
    except NoReverseMatch:
        return found
    return found


@pytest.mark.parametrize(("name", "query"), KEPT)
def test_what_no_page_shows_can_not_be_asked_for(
    rows: dict[str, Any], login: Login, name: str, query: str
) -> None:
    client = login(f"view_{name}")
    for address in addresses(name):
        assert client.get(address).status_code == 200
        assert client.get(f"{address}?{query}").status_code == 400, address


def test_the_evidence_of_a_dispute_can_not_be_guessed_letter_by_letter(
    rows: dict[str, Any], login: Login
) -> None:
    RemoteAction.objects.update(parameters={"access_activity_log": "Ada signed in on Tuesday"})
    client = login("view_remoteaction")
    answers = {
        (address, guess): client.get(
            address, {"parameters__access_activity_log__icontains": guess}
        ).status_code
        for address in addresses("remoteaction")
        for guess in ("Ada", "Eve")
    }
    assert set(answers.values()) == {400}
    assert len(answers) == 4


@pytest.mark.parametrize("name", sorted(model_admins()))
def test_no_column_is_asked_for_but_by_a_filter(name: str) -> None:
    """Every column and relation, in the forms in which an address can ask."""
    model_admin: Any = model_admins()[name]
    request = asking()
    offered = {*model_admin.linked_by, model_admin.opts.pk.name}
    for item in model_admin.get_list_filter(request):
        own = getattr(item, "parameter_name", None)
        offered |= {own} if own else {item, *(f"{item}__{end}" for end in OFFERED)}
    columns = {"pk"}
    for field in model_admin.model._meta.get_fields(include_hidden=True):
        columns |= {field.name, getattr(field, "attname", field.name)}
    asked = [*columns, *(f"{name}__{end}" for name in columns for end in (*OFFERED, *OTHERS))]
    allowed = {lookup for lookup in asked if model_admin.lookup_allowed(lookup, "1", request)}
    assert allowed <= offered


@pytest.mark.parametrize("name", sorted(model_admins()))
def test_every_choice_of_every_filter_works(rows: dict[str, Any], login: Login, name: str) -> None:
    client = login(superuser=True)
    Store.objects.create(pk="shp_second")  # with one alone the filter by store is not shown
    url = reverse(f"admin:pandabase_{name}_changelist")
    shown = client.get(url).context["cl"]
    followed = 0
    for spec in shown.filter_specs:
        for choice in spec.choices(shown):
            assert client.get(url + choice["query_string"]).status_code == 200, choice
            followed += 1
    assert followed >= 2


def test_the_links_of_other_pages_work(rows: dict[str, Any], login: Login) -> None:
    client: Client = login(superuser=True)
    followed = []
    for name, row in rows.items():
        page = client.get(reverse(f"admin:pandabase_{name}_change", args=[row.pk]), follow=True)
        for link in re.findall(r'href="(/admin/pandabase/\w+/\?[^"]+)"', page.content.decode()):
            assert client.get(link.replace("&amp;", "&")).status_code == 200, link
            followed.append(link.partition("=")[0].rpartition("?")[2])
    assert {"customer__id__exact", "endpoint__id__exact", "token", "store"} <= set(followed)


class ByWeight(admin.FieldListFilter):
    """What takes a parameter of a name of its own, as filters of themes do."""

    def expected_parameters(self) -> list[str]:
        return ["status_from"]

    def choices(self, changelist: Any) -> Any:
        return []


class AnyFilter(admin.ListFilter):
    """The most general kind that Django takes."""

    title = "any"

    def has_output(self) -> bool:
        return False

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset

    def expected_parameters(self) -> list[str]:
        return ["anything"]


class ShopsOrders(OrderAdmin):
    date_hierarchy = "created_at"
    list_filter = (
        "store",
        "dirty",
        ("status", ByWeight),
        ("amount_minor", admin.EmptyFieldListFilter),
    )
    linked_by = (*OrderAdmin.linked_by, "currency")

    def get_list_filter(self, request: Any) -> Any:
        return (*self.list_filter, AnyFilter)

    def get_queryset(self, request: Any) -> Any:
        rows = super().get_queryset(request)
        return rows.annotate(shown_note=models.F("payload")).alias(hidden__note=models.F("payload"))


@pytest.mark.parametrize(
    ("lookup", "allowed"),
    [
        ("dirty__exact", True),
        ("dirty", True),
        ("dirty__in", False),
        ("store__id__exact", True),
        ("store__isnull", True),
        ("status_from", True),
        ("anything", True),
        ("amount_minor__isempty", True),
        ("created_at__year", True),
        ("created_at__day", True),
        ("currency", True),
        ("customer__id__exact", True),
        ("store__title__startswith", False),
        ("status", False),
        ("status__startswith", False),
        ("amount_minor", False),
        ("currency__startswith", False),
        ("created_at__gte", False),
        ("payload__icontains", False),
        ("shown_note__icontains", False),
        ("hidden__note", False),
        ("hidden__note__icontains", False),
    ],
)
def test_filters_that_a_shop_adds_bring_their_lookups(lookup: str, allowed: bool) -> None:
    shops = ShopsOrders(Order, admin.site)
    assert shops.lookup_allowed(lookup, "1", asking()) is allowed


def test_a_pop_up_lists_what_a_shops_own_key_is_limited_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    products = admin.site._registry[Product]
    request = asking()
    # As limit_choices_to of a foreign key of the shop's is noted.
    limits = [{"currency": "EUR"}, lambda: {"status__in": ["ACTIVE", "DRAFT"]}]
    monkeypatch.setattr(Product._meta, "related_fkey_lookups", limits)
    assert products.lookup_allowed("currency", "EUR", request)
    assert products.lookup_allowed("status__in", "ACTIVE,DRAFT", request)
    assert not products.lookup_allowed("currency", "USD", request)


@pytest.mark.parametrize("lookup", ["utm_source", "nonsense__x"])
def test_what_is_no_column_leads_back_to_the_list(login: Login, lookup: str) -> None:
    answer = login("view_order").get(reverse("admin:pandabase_order_changelist"), {lookup: "1"})
    assert (answer.status_code, answer.headers["Location"][-4:]) == (302, "?e=1")
