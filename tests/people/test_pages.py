"""The command and the admin's pages: who may, what is asked, and where no address is left."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from pandabase_django.models import Customer, Erasure
from tests.people.conftest import ADDRESS, MARK, Canary, hits

pytestmark = pytest.mark.django_db(transaction=True)

VIEWS = ("view_erasure", "view_customer", "view_order")


def command(*arguments: str, address: str = ADDRESS) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("pandabase_person", "--email", address, *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def person(*codenames: str) -> Client:
    user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def url(name: str) -> str:
    return reverse(f"admin:pandabase_erasure_{name}")


def nonce_of(page: Any) -> str:
    return str(page.context["form"]["nonce"].value())


def test_the_command_looks_exports_and_erases(canary: Canary) -> None:
    code, said = command()
    assert code == 0
    assert '"Order": 3' in said
    code, text = command("--export")
    assert MARK in text
    assert json.loads(text)["stores"][0]["store"] == canary.store.pk
    assert command("--erase", "--no-input")[0] == 0
    assert hits() == []
    assert command()[0] == 4
    assert command("--lift")[0] == 0
    assert command("--lift")[0] == 4


@pytest.mark.parametrize(
    ("address", "arguments", "code"),
    [("ada", [], 2), (ADDRESS, ["--store", "shp_none"], 2), ("nobody@example.org", [], 4)],
)
def test_wrong_arguments_have_their_codes(
    canary: Canary, address: str, arguments: list[str], code: int
) -> None:
    assert command(*arguments, address=address)[0] == code


def test_no_is_an_answer(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert command("--erase")[0] == 4
    assert not Erasure.objects.exists()


def test_where_nobody_can_answer_nobody_is_erased(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert command("--erase")[0] == 2
    assert not Erasure.objects.exists()


def test_a_person_is_erased_from_the_admin_once_and_named_nowhere(
    canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = person(*VIEWS, "erase_person")
    assert url("person_erase") in client.get(url("changelist")).content.decode()
    looked = client.post(url("person_erase"), {"address": ADDRESS})
    assert "orders: 3" in looked.content.decode()
    wanted = {"address": ADDRESS, "nonce": nonce_of(looked), "typed_address": "other@example.com"}
    refused = client.post(url("person_erase"), wanted)
    assert "That is another address." in refused.content.decode()
    assert not Erasure.objects.exists()
    wanted["typed_address"] = ADDRESS.lower()
    answer = client.post(url("person_erase"), wanted, follow=True)
    assert "The person is erased" in answer.content.decode()
    # Kinds of rows in words. A line item holds nothing of a person.
    assert "log entries: 2, orders: 3, purchases: 1" in answer.content.decode()
    assert MARK not in answer.content.decode().lower()
    assert all(MARK not in address.lower() for address, _ in answer.redirect_chain)
    assert hits() == []
    again = client.post(url("person_erase"), wanted, follow=True)
    assert "Nothing was done" in again.content.decode()
    erasure = Erasure.objects.get()
    assert erasure.user is not None
    assert MARK not in caplog.text.lower()


def test_a_person_is_exported_from_the_admin(canary: Canary) -> None:
    client = person(*VIEWS, "export_person")
    answer = client.post(url("person_export"), {"address": ADDRESS})
    assert "no-store" in answer.headers["Cache-Control"]
    assert MARK not in answer.headers["Content-Disposition"]
    assert f"{MARK} street 1" in answer.content.decode()


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        (["view_erasure"], 403),
        (["erase_person", "view_customer", "view_order"], 403),
        (["view_erasure", "export_person"], 403),
        (["view_erasure", "erase_person"], 200),
    ],
)
def test_each_page_needs_its_own_right(canary: Canary, rights: list[str], status: int) -> None:
    client = person(*rights)
    answer = client.post(url("person_erase"), {"address": ADDRESS})
    assert answer.status_code == status
    # Whoever may see no customers and no orders finds nobody.
    assert "orders: 3" not in answer.content.decode()
    assert Customer.objects.get(pk=canary.customer_id).email == ADDRESS
