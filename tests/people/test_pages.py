"""The command and the admin's pages: who may, what is asked, and where no address is left."""

from __future__ import annotations

import io
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import Customer, Erasure, Store
from pandabase_django.services.people.erasing import carry_out
from pandabase_django.services.people.queue import ask_for_erasure, due_erasures
from pandabase_django.tasks.broker import Message, held_back
from tests.people.conftest import ADDRESS, MARK, Canary, dump, hits

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


def url(name: str, *args: object) -> str:
    return reverse(f"admin:pandabase_erasure_{name}", args=args)


def in_an_hour() -> datetime:
    return timezone.now() + timedelta(hours=1)


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
    for missing, says in (("", False), ("nonsense", True)):
        again = client.post(
            url("person_erase"), {**wanted, "typed_address": missing}
        ).content.decode()
        assert ("That is another address." in again) is says
    assert not Erasure.objects.exists()
    wanted["typed_address"] = ADDRESS.lower()
    messages: list[Message] = []
    with held_back(messages.append):
        answer = client.post(url("person_erase"), wanted, follow=True)
        again = client.post(url("person_erase"), wanted, follow=True)
    assert "Nothing was done" in again.content.decode()
    assert "handed to the workers" in answer.content.decode()
    erasure = Erasure.objects.get()
    # The address is for the worker alone, and no longer than that.
    assert erasure.address.reveal() == ADDRESS
    assert (MARK in dump().lower(), MARK in str(erasure.__dict__).lower()) == (True, False)
    page = client.get(url("change", erasure.pk)).content.decode()
    assert "Waits for a worker" in page
    (message,) = messages
    assert message.task.name == "pandabase.erase_person"
    assert message.args == (erasure.pk,)
    message.task(*message.args)
    answer = client.get(url("changelist"))
    # Kinds of rows in words. A line item holds nothing of a person.
    assert "log entries: 2, orders: 3, purchases: 1" in answer.content.decode()
    assert MARK not in answer.content.decode().lower()
    assert hits() == []
    erasure.refresh_from_db()
    assert (erasure.user is None, erasure.address) == (False, None)
    assert erasure.rows_done == erasure.rows_found > 10
    assert MARK not in caplog.text.lower()


def confirmed(client: Client) -> Any:
    """Look, and confirm."""
    looked = client.post(url("person_erase"), {"address": ADDRESS})
    wanted = {"address": ADDRESS, "nonce": nonce_of(looked), "typed_address": ADDRESS}
    return client.post(url("person_erase"), wanted, follow=True).content.decode()


def test_a_confirmation_is_of_the_stores_that_were_shown(canary: Canary) -> None:
    client = person(*VIEWS, "erase_person")
    looked = client.post(url("person_erase"), {"address": ADDRESS})
    wanted = {"address": ADDRESS, "nonce": nonce_of(looked), "typed_address": ADDRESS}
    Store.objects.create(pk="shp_later")
    answer = client.post(url("person_erase"), wanted, follow=True)
    assert "Nothing was done" in answer.content.decode()
    assert not Erasure.objects.exists()


def test_whose_rights_are_gone_since_the_page_was_opened_is_told_of_no_erasure(
    canary: Canary,
) -> None:
    client = person(*VIEWS, "erase_person")
    looked = client.post(url("person_erase"), {"address": ADDRESS})
    wanted = {"address": ADDRESS, "nonce": nonce_of(looked), "typed_address": ADDRESS}
    for user in User.objects.filter(is_staff=True):
        user.user_permissions.remove(Permission.objects.get(codename="view_customer"))
    answer = client.post(url("person_erase"), wanted, follow=True)
    assert "handed to the workers" not in answer.content.decode()
    assert not Erasure.objects.exists()


def test_a_worker_that_is_faster_than_the_page_is_no_missing_broker(canary: Canary) -> None:
    client = person(*VIEWS, "erase_person")
    with held_back(lambda message: message.task(*message.args)):
        page = confirmed(client)
    assert "handed to the workers" in page
    assert "broker" not in page
    assert Erasure.objects.get().finished_at is not None


def test_a_broker_that_does_not_answer_is_said(canary: Canary, dead_broker: None) -> None:
    client = person(*VIEWS, "erase_person")
    assert "the broker does not answer" in confirmed(client)
    assert due_erasures() == [Erasure.objects.get().pk]


def test_the_page_of_an_erasure_follows_it(canary: Canary) -> None:
    client = person(*VIEWS)
    erasure = ask_for_erasure(canary.store, ADDRESS, source=Erasure.Source.ADMIN)
    wanted = {"rows_done": 400, "rows_found": 1000, "next_attempt_at": in_an_hour()}
    Erasure.objects.filter(pk=erasure.pk).update(**wanted)
    page = client.get(url("change", erasure.pk)).content.decode()
    assert "400 of 1000 rows were looked at" in page
    state = client.get(url("live", erasure.pk)).json()
    assert state["open"]
    assert state["texts"]["state"] == "Under way"
    assert state["progress"] == {"rows": {"done": 400, "of": 1000}}
    assert "Under way" in client.get(url("changelist")).content.decode()
    assert carry_out(erasure.pk, now=in_an_hour() + timedelta(hours=1)) is not None
    state = client.get(url("live", erasure.pk)).json()
    assert (state["open"], state["texts"]["state"]) == (False, "Done")
    # One from before a worker could go on with it.
    Erasure.objects.filter(pk=erasure.pk).update(finished_at=None)
    page = client.get(url("change", erasure.pk)).content.decode()
    assert "Erase the person again" in page
    assert client.get(url("live", erasure.pk)).json()["open"] is False


def test_a_person_is_exported_from_the_admin(canary: Canary) -> None:
    client = person(*VIEWS, "export_person")
    answer = client.post(url("person_export"), {"address": ADDRESS})
    assert "no-store" in answer.headers["Cache-Control"]
    assert MARK not in answer.headers["Content-Disposition"]
    found = json.loads(answer.getvalue())["stores"][0]["rows"]
    assert f"{MARK} street 1" in json.dumps(found["Order"])
    # What Django's history says of their rows is theirs too.
    assert [entry["object_repr"] for entry in found["LogEntry"]] == [ADDRESS]


def test_who_may_see_no_customers_gets_no_file_but_the_reason(canary: Canary) -> None:
    client = person("view_erasure", "view_order", "export_person")
    answer = client.post(url("person_export"), {"address": ADDRESS})
    assert answer.status_code == 200
    assert "Content-Disposition" not in answer.headers
    assert answer.context["stores"] == []


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
