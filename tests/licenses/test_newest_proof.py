"""Which proof is the newest one while Pandabase is away: what it said, or what the mirror read."""

from __future__ import annotations

import pytest
from django.utils import timezone

from pandabase_django.models import License, SyncCursor
from pandabase_django.testing import Pandabase
from tests.licenses.asking import ask

pytestmark = pytest.mark.django_db


def a_poll_passes(pandabase: Pandabase) -> None:
    """One that does not come to the licence: counts are as before, and its turn is later."""
    pandabase.travel(minutes=10)
    SyncCursor.objects.filter(resource="licenses").update(last_completed_at=timezone.now())


def key_of(pandabase: Pandabase) -> str:
    return str(pandabase.remote.sandbox.dump("licenses")[0]["key"])


@pytest.mark.parametrize("named", [True, False])
def test_a_key_that_pandabase_called_revoked_is_not_good_again_by_a_poll_that_left_it_out(
    pandabase: Pandabase, named: bool
) -> None:
    licence = pandabase.license()
    revoked = {"status": "REVOKED"}
    pandabase.remote.change("edit_license", id=licence.pk, fields=revoked)  # no event says so
    product = {"product": licence.product_id} if named else {}
    assert ask(key_of(pandabase), **product)["status"] == "REVOKED"
    a_poll_passes(pandabase)
    pandabase.remote.next(503, times=0, path="/licenses/verify")
    said = ask(key_of(pandabase), **product)
    assert (said["valid"], said["status"], said["source"]) == (False, "REVOKED", "pandabase")
    assert said["age_seconds"] == 600


def test_what_the_mirror_has_read_since_is_newer(pandabase: Pandabase) -> None:
    licence = pandabase.license()
    assert ask(key_of(pandabase))["valid"]
    a_poll_passes(pandabase)
    pandabase.remote.next(503, times=0, path="/licenses/verify")
    said = ask(key_of(pandabase))
    assert (said["valid"], said["source"], said["age_seconds"]) == (True, "mirror", 0)
    pandabase.refund(licence.order)
    pandabase.sync("licenses")
    assert License.objects.get().status == "REVOKED"
    said = ask(key_of(pandabase))
    assert (said["valid"], said["status"], said["source"]) == (False, "REVOKED", "mirror")
