"""An action under way when its person is erased: it is sent whole, and keeps no word afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.models import Dispute, Erasure, Order, RemoteAction, Subscription
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.actions.registry import kind_of
from pandabase_django.services.actions.settling import settle_by_hand
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.people.exporting import export_texts
from tests.actions.conftest import pass_time, settled
from tests.people.conftest import ADDRESS, MARK, Canary, hits

pytestmark = pytest.mark.django_db(transaction=True)

REASON = f"{MARK} wrote to us"
LOG = f"{MARK} signed in on Monday"


def erase(canary: Canary) -> None:
    erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)


def ask(canary: Canary) -> RemoteAction:
    """Evidence that is not sent yet."""
    Dispute.objects.update(created_at=timezone.now())
    dispute = Dispute.objects.get(order=canary.others[1])
    return actions.submit_evidence(dispute, LOG, reason=REASON)


def say_later(sandbox: Sandbox, status: int, words: str) -> None:
    rule = {"action": "status", "args": {"status": status, "error": words}}
    sandbox.fault([{"match": {"method": "POST", "path_regex": "evidence$"}, **rule}])


def test_what_is_not_sent_goes_at_once_and_the_rest_with_the_answer(canary: Canary) -> None:
    action = ask(canary)
    RemoteAction.objects.filter(pk=action.pk).update(outcome=f"{MARK} can't be answered now.")
    erase(canary)
    action.refresh_from_db()
    assert (action.reason, action.outcome) == ("[erased]", "[erased]")
    action = settled(action)
    assert action.state == "DONE"
    # The bank got all of it.
    (sent,) = (one for one in canary.sandbox.dump("disputes") if one["id"] == action.object_id)
    assert sent["evidence"] == {"access_activity_log": LOG}
    assert hits() == []


@pytest.mark.parametrize("status", [400, 500, 429])
def test_what_the_remote_says_afterwards_is_not_kept_either(
    canary: Canary, sandbox: Sandbox, status: int
) -> None:
    action = ask(canary)
    erase(canary)
    say_later(sandbox, status, f"The account of {MARK} is closed.")
    action = actions.perform(action)
    assert MARK not in action.outcome
    if status == 429:  # it is tried again, so its text is still needed
        assert action.parameters == {"access_activity_log": LOG}
        pass_time(action, hours=2)
    action = settled(action, hours=3)
    assert (action.state, action.is_open) == ("REFUSED", False)
    assert action.parameters == {"access_activity_log_characters": len(LOG)}
    assert hits() == []


def test_what_is_asked_of_an_erased_person_is_forgotten_when_it_ends(canary: Canary) -> None:
    erase(canary)
    action = ask(canary)
    assert action.reason == REASON
    settled(action)
    settled(actions.refund(Order.objects.get(pk=canary.order_id), reason=REASON))
    assert hits() == []


def test_a_persons_word_for_it_is_not_kept(canary: Canary) -> None:
    action = ask(canary)
    erase(canary)
    sent_at = timezone.now() - timedelta(hours=2)
    RemoteAction.objects.filter(pk=action.pk).update(state="UNKNOWN", sent_at=sent_at)
    action.refresh_from_db()
    kind = kind_of(action.what)
    assert settle_by_hand(action, kind=kind, happened=False, reason=f"{MARK} rang.")
    assert hits() == []


def test_words_on_others_and_codes_stay(canary: Canary, sandbox: Sandbox) -> None:
    (pk,) = sandbox.change([{"op": "create_subscription", "product": 0, "customer": 0}])
    canary.poll()
    said = "The customer asked for it."
    other = actions.cancel_subscription(Subscription.objects.get(pk=pk), reason=said)
    order = Order.objects.get(pk=canary.order_id)
    mine = actions.refund(order, code=actions.RefundCode.FRAUDULENT, reason=REASON)
    erase(canary)
    assert settled(other).reason == said
    mine = settled(mine)
    assert (mine.reason, mine.parameters) == ("[erased]", {"reason": "FRAUDULENT"})


def test_the_export_has_what_is_under_way(canary: Canary) -> None:
    action = ask(canary)
    assert str(action.pk) in "".join(export_texts([canary.store], ADDRESS))
    assert LOG in "".join(export_texts([canary.store], ADDRESS))
