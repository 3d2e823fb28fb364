"""Ids, filters and boxes that no row can have: no page breaks, whatever the database refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from tests.admin.conftest import Login
from tests.admin.rights.enumeration import Page, model_admins, pages
from tests.unstorable import refusing_nul

pytestmark = pytest.mark.django_db

NUL = "a\x00b"
#: As a form of the admin sends it, and as no row of any model has it.
UNFIT_IDS = (NUL, "9" * 30, "no id")


class Unfit:
    """In place of a row."""

    pk = NUL
    store = store_id = NUL


@pytest.fixture
def client(rows: dict[str, Any], login: Login) -> Client:
    client = login(superuser=True)
    client.raise_request_exception = False
    return client


def filters_of(model_admin: admin.ModelAdmin[Any]) -> Iterator[str]:
    for one in model_admin.list_filter:
        name = one[0] if isinstance(one, tuple) else one
        if isinstance(name, str):
            yield from (name, f"{name}__exact", f"{name}__in")
        else:
            yield str(getattr(name, "parameter_name", ""))
    yield from ("pk__exact", "store__exact", "store__id__exact")
    yield from ("q", "o", "p", "store_like", "_changelist_filters", "q\x00")


def lists() -> list[Page]:
    return [page for page in pages() if page.part in ("changelist", "export") and page.model_admin]


def test_a_page_of_no_row_is_not_found(client: Client) -> None:
    wrong = []
    for page in pages():
        for method in ("get", "post") if page.arguments else ():
            with refusing_nul():
                answer = getattr(client, method)(page.url(Unfit()))
            if answer.status_code not in (302, 403, 404, 405):
                wrong.append((page.name, method, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("page", lists(), ids=lambda page: page.name)
def test_no_list_breaks_by_what_its_address_asks_for(client: Client, page: Page) -> None:
    assert page.model_admin is not None
    wrong = []
    for name in sorted(set(filters_of(page.model_admin))):
        with refusing_nul():
            answer: Any = client.get(f"/{page.route}", {name: NUL})
            answer.getvalue()  # an export is read as it is sent
        if answer.status_code not in (200, 302, 400):
            wrong.append((name, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("unfit", UNFIT_IDS)
def test_an_action_on_no_row_is_refused(client: Client, unfit: str) -> None:
    tried = 0
    for page in lists():
        if page.part == "export" or page.model_admin is None:
            continue
        request = client.get(f"/{page.route}").wsgi_request
        for name in page.model_admin.get_actions(request):
            data = {"action": name, "_selected_action": [unfit], "select_across": "0"}
            with refusing_nul():
                answer = client.post(f"/{page.route}", data)
            assert answer.status_code in (302, 400), (page.name, name)
            tried += 1
    assert tried >= 4


def test_no_value_of_its_address_breaks_the_page_of_a_new_row(client: Client) -> None:
    for page in pages():
        if page.part == "add" and page.model_admin:
            for field in page.model_admin.model._meta.concrete_fields:
                with refusing_nul():
                    answer = client.get(f"/{page.route}", {field.name: NUL})
                assert answer.status_code in (200, 403), (page.name, field.name)


def test_every_list_is_tried() -> None:
    assert len(lists()) > len(model_admins())
