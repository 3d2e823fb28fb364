"""Evidence for a dispute, as a person writes it in the admin."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from pandabase_django.actions import evidence_for
from pandabase_django.models import (
    Dispute,
    RemoteAction,
)
from tests.actions.conftest import LOG, Shop, settled
from tests.admin.actions.conftest import VIEWS, post, url
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("why", ["old", "the row moved", "another SECRET_KEY"])
def test_evidence_that_was_written_for_long_is_not_lost(
    why: str, shop: Shop, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = shop.attempt("evidence").row
    client = login(*VIEWS, "answer_dispute")
    nonce = client.get(url(row, "evidence")).context["form"]["nonce"].initial
    if why == "old":
        later = time.time() + 3660
        monkeypatch.setattr(time, "time", lambda: later)
    elif why == "another SECRET_KEY":
        nonce = "signed with the one before"
    else:
        Dispute.objects.filter(pk=row.pk).update(amount_minor=row.amount_minor + 1)
    data = {"nonce": nonce, "reason": "Delivered.", "text": "Signed in\nat ten"}
    page = client.post(url(row, "evidence"), data)
    assert "Nothing was done" in page.content.decode()
    assert not RemoteAction.objects.exists()
    form = page.context["form"]
    kept = {name: form[name].value() for name in ("reason", "text")}
    assert kept == {"reason": "Delivered.", "text": "Signed in\nat ten"}
    client.post(url(row, "evidence"), {**kept, "nonce": form["nonce"].value()})
    assert RemoteAction.objects.get().parameters == {"access_activity_log": kept["text"]}


def test_the_shops_text_is_proposed_and_its_failure_said(shop: Shop, login: Login) -> None:
    dispute = shop.dispute()
    client = login(*VIEWS, "answer_dispute")

    @evidence_for()
    def visits(found: Dispute) -> str:
        if found.reason == "broken":
            raise LookupError("ada@example.com")
        return "took lesson 4"

    page = client.get(url(dispute, "evidence"))
    assert page.context["form"]["text"].value() == "took lesson 4"
    assert "Evidence until" in page.content.decode()
    Dispute.objects.filter(pk=dispute.pk).update(reason="broken")
    text = client.get(url(dispute, "evidence")).content.decode()
    assert "Your own code for evidence failed (LookupError)" in text
    assert "ada@" not in text


def test_a_refused_text_is_proposed_again(shop: Shop, login: Login) -> None:
    this = shop.attempt("evidence")
    action = this.ask()
    rule = {"action": "status", "args": {"status": 403}}
    shop.sandbox.fault([{"match": {"path_regex": this.path}, **rule}])
    settled(action)
    page = login(*VIEWS, "answer_dispute").get(url(this.row, "evidence"))
    assert page.context["form"]["text"].value() == LOG


def test_the_words_about_a_customer_are_not_on_the_page_of_the_action(
    shop: Shop, login: Login
) -> None:
    """Who may see actions may not see disputes by that."""
    action = shop.attempt("evidence").ask()
    page = login("view_remoteaction").get(url(action)).content.decode()
    assert f"Activity log: {len(LOG)} characters" in page
    assert "signed in" not in page


def test_breaks_of_a_browser_count_once(shop: Shop, login: Login) -> None:
    dispute = shop.dispute()
    text = "\n".join(["x" * 99] * 200)
    assert len(text) == 19_999
    client = login(*VIEWS, "answer_dispute")
    post(client, url(dispute, "evidence"), text=text.replace("\n", "\r\n"))
    assert RemoteAction.objects.get().parameters == {"access_activity_log": text}


def test_the_deadline_is_on_the_list_and_the_page_of_a_dispute(shop: Shop, login: Login) -> None:
    dispute = shop.dispute()
    client = login(*VIEWS)
    for address in (url(dispute), "/admin/pandabase/dispute/"):
        assert "6\xa0days left" in client.get(address).content.decode()
    for days in (7.5, 100):
        Dispute.objects.update(created_at=timezone.now() - timedelta(days=days))
        assert ">ended<" in client.get(url(dispute)).content.decode()
