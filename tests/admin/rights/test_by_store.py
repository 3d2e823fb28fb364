"""A shop's own has_view_permission by store holds in lists, searches, actions, exports and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse

from pandabase_django.models import Store
from tests.admin.outside import Outside
from tests.admin.rights.enumeration import model_admins, pages
from tests.admin.rows import row_of
from tests.admin.sites.by_store_urls import HIDDEN_STORE, site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.sites.by_store_urls")]

MARK = "zweitladen"
#: What the person asked for comes back in the search box and in links.
ECHO = re.compile(r'(value="|(q|store|store__id__exact)(=|%3D))(shp_)?' + MARK)


@pytest.fixture
def hidden(rows: dict[str, Any]) -> dict[str, Any]:
    """The same rows again, of the store that this person may not see."""
    store = Store.objects.create(pk=HIDDEN_STORE, title=MARK)
    return {
        name: row_of(model_admin.model, store=store, mark=MARK)
        for name, model_admin in model_admins().items()
    }


@pytest.fixture
def client(db: None) -> Client:
    user = User.objects.create_user("some", is_staff=True, is_superuser=True)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def body(answer: Any) -> str:
    return str(answer.getvalue(), "utf-8", "replace")


def test_a_row_of_a_hidden_store_has_no_page(
    client: Client, rows: dict[str, Any], hidden: dict[str, Any], outside: Outside
) -> None:
    wrong = []
    for page in pages():
        if not page.arguments:
            continue
        name = str(page.model_admin.model._meta.model_name) if page.model_admin else "store"
        for method in ("get", "post"):
            with outside.watch() as left:
                answer = getattr(client, method)(page.url(hidden[name]))
            client.cookies.pop("messages", None)
            if answer.status_code not in (302, 403, 404, 405) or left or MARK in body(answer):
                wrong.append((page.name, method, answer.status_code, left))
    assert wrong == []


@pytest.mark.thorough
def test_no_page_of_what_may_be_seen_shows_what_may_not(
    client: Client, rows: dict[str, Any], hidden: dict[str, Any]
) -> None:
    wrong = []
    queries = ["", f"?q={MARK}", f"?store={HIDDEN_STORE}", f"?store__id__exact={HIDDEN_STORE}"]
    for page in pages():
        name = str(page.model_admin.model._meta.model_name) if page.model_admin else "store"
        for query in queries if not page.arguments else [""]:
            answer = client.get(page.url(rows[name]) + query)
            text = ECHO.sub("", body(answer))
            if answer.status_code >= 500 or MARK in text:
                at = text.find(MARK)
                wrong.append((page.name, query, answer.status_code, text[at - 80 : at + 40]))
    assert wrong == []


def test_the_lists_do_show_the_other_store(
    client: Client, rows: dict[str, Any], hidden: dict[str, Any]
) -> None:
    for name in model_admins():
        answer = client.get(reverse(f"admin:pandabase_{name}_changelist"))
        assert [row.pk for row in answer.context["cl"].result_list] == [rows[name].pk]


def test_an_action_does_not_reach_a_hidden_row(
    client: Client, rows: dict[str, Any], hidden: dict[str, Any], outside: Outside
) -> None:
    tried = []
    for name in model_admins():
        url = reverse(f"admin:pandabase_{name}_changelist")
        page = client.get(url)
        form = page.context.get("action_form")
        for action, _ in form.fields["action"].choices if form else []:
            if not action:
                continue
            for across in ("0", "1"):
                data = {
                    "action": action,
                    "_selected_action": [hidden[name].pk],
                    "select_across": across,
                    "post": "yes",
                }
                with outside.watch() as left:
                    answer = client.post(url, data)
                client.cookies.pop("messages", None)
                tried.append(action)
                assert MARK not in body(answer), (name, action)
                assert not [text for text in left if MARK in text], (name, action, left)
                assert across == "1" or not left, (name, action, left)
    assert "sync_now" in tried


def autocompletes() -> Iterator[dict[str, str]]:
    for model in site._registry:
        for field in model._meta.get_fields(include_hidden=True):
            target = getattr(field, "related_model", None)
            if isinstance(field, models.ForeignKey) and target in site._registry:
                yield {
                    "app_label": model._meta.app_label,
                    "model_name": str(model._meta.model_name),
                    "field_name": field.name,
                }


def test_autocomplete_offers_no_hidden_row(
    client: Client, rows: dict[str, Any], hidden: dict[str, Any]
) -> None:
    answered = 0
    for which in autocompletes():
        for term in ("", MARK):
            answer = client.get(reverse("admin:autocomplete"), {**which, "term": term})
            assert MARK not in body(answer), which
            answered += answer.status_code == 200
    assert answered > 0


def test_the_front_pages_show_no_hidden_store(
    client: Client, rows: dict[str, Any], hidden: dict[str, Any]
) -> None:
    for url in (reverse("admin:index"), reverse("admin:app_list", args=["pandabase"])):
        assert MARK not in body(client.get(url))
