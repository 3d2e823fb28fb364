"""Retrying a fulfilment."""

from __future__ import annotations

import pytest

from pandabase_django import actions
from pandabase_django.exceptions import ActionRefused
from tests.actions.conftest import REASON, Shop, settled

pytestmark = pytest.mark.django_db


@pytest.mark.fact(59)
def test_what_failed_is_fulfilled_again_and_what_did_not_is_refused(shop: Shop) -> None:
    this = shop.attempt("fulfilment")
    assert settled(this.ask()).state == "DONE"
    assert this.is_done()
    again = settled(this.ask())
    assert again.state == "REFUSED"
    assert "No fulfillment of this order has failed" in again.outcome
    with pytest.raises(ActionRefused, match="PENDING"):
        actions.retry_fulfilment(shop.order(status="PENDING"), reason=REASON)
