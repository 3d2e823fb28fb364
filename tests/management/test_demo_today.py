"""What the demo lets happen at its sandbox, so that there is something to act on."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from demo_project.today import METER, let_things_happen
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.api.usage.meters import meters_of


def test_two_subscribe_and_an_order_of_today_is_disputed() -> None:
    with Sandbox(products=3, orders=20) as sandbox:
        let_things_happen(sandbox.control_url)
        today = timezone.now() - timedelta(hours=1)
        begun = [
            one for one in sandbox.dump("subscriptions") if parse_datetime(one["createdAt"]) > today
        ]
        assert sorted(one["status"] for one in begun) == ["ACTIVE", "TRIALING"]
        (product,) = {one["product"]["id"] for one in begun}
        assert list(meters_of(sandbox.state, product)) == [METER]
        newest = max(sandbox.dump("disputes"), key=lambda one: one["createdAt"])
        assert newest["status"] == "AWAITING_REVIEW"
        assert parse_datetime(newest["createdAt"]) > today
