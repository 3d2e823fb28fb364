"""An erasure that is stopped anywhere is completed by repeating it."""

from __future__ import annotations

import pytest

from pandabase_django.models import Erasure
from pandabase_django.services.people.erasing import erase_person
from tests.people.conftest import ADDRESS, Canary, hits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]


class Stopped(BaseException):
    """Such as Ctrl-C."""


@pytest.mark.parametrize("poll", [False, True], ids=["at once", "after a poll"])
@pytest.mark.parametrize("kind", ["Customer", "Order", "Refund", "Subscription", "License"])
def test_a_stopped_erasure_is_completed_by_the_next(canary: Canary, kind: str, poll: bool) -> None:
    def stop(done: str, rows: int) -> None:
        if done == kind:
            raise Stopped

    with pytest.raises(Stopped):
        erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND, on_progress=stop)
    assert hits() != []
    if poll:
        canary.poll()
    erasure = erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)
    assert hits() == []
    assert erasure.counts
