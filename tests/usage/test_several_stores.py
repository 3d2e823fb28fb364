"""The command for usage where there are several stores."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from pandabase_django.testing import Pandabase
from pandabase_django.usage import record_usage

pytestmark = pytest.mark.django_db


def test_a_subscription_is_compared_at_the_store_that_has_it(pandabase: Pandabase) -> None:
    with Pandabase(seed=2) as other:
        subscription = pandabase.active_subscription()
        other.active_subscription()
        product = subscription.product_id
        pandabase.remote.change("create_meter", product_id=product, event="calls")
        record_usage(subscription, "calls", 3)
        out = io.StringIO()
        call_command("pandabase_usage", stdout=out)
        only = ("--compare", "--subscription", subscription.pk)
        out = io.StringIO()
        call_command("pandabase_usage", *only, stdout=out)
        assert out.getvalue() == f"{pandabase.store.pk}: EQUAL\n"
        with pytest.raises(CommandError) as raised:
            call_command("pandabase_usage", *only, "--store", other.store.pk)
        assert raised.value.returncode == 2
