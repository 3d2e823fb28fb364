"""Licences, and that their keys are nowhere."""

from __future__ import annotations

import io
import json
import logging
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from pandabase_django.conf import conf
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.models import License, RowChange, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from tests.sync.conftest import Sync
from tests.test_canary import everything_logged, shown

__all__ = ["everything_logged"]

pytestmark = pytest.mark.django_db(transaction=True)


def _with_keys(keys: list[str]) -> dict[str, Any]:
    return {**settings.PANDABASE, "ENCRYPTION_KEYS": keys}


CANARY = "CANARY-LICENCE-f00dfeed-7QX4"


@pytest.mark.fact(51)
def test_a_licence_is_found_by_its_key_and_says_whose_it_is(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    sync("licenses")
    for one in sandbox.dump("licenses"):
        row = License.objects.with_key(one["key"] + "\n").get()
        assert (row.pk, row.key_last_four) == (one["id"], one["key"][-4:])
        assert row.order is not None
        assert row.order.pk == one["orderId"]
    assert not License.objects.with_key("SANDBOX-00000000").exists()
    (pk,) = sandbox.change([{"op": "create_license", "key": "short"}])
    sandbox.change([{"op": "edit_license", "id": pk, "fields": {"status": "ON_HOLD"}}])
    sync("licenses")
    row = License.objects.with_key("short").get()
    assert (row.pk, row.status, row.key_last_four) == (pk, "ON_HOLD", "")


@pytest.mark.fact(46, 51)
def test_a_refund_and_another_key_are_seen(sandbox: Sandbox, sync: Sync) -> None:
    sync("licenses")
    first, second, *_ = sandbox.dump("licenses")
    order = sandbox.state.ids.index_of("order", first["orderId"])
    sandbox.change(
        [
            {"op": "refund_order", "index": order},
            # The same last four characters.
            {"op": "edit_license", "id": second["id"], "fields": {"key": "NEW-" + second["key"]}},
        ]
    )
    sync("licenses")
    assert License.objects.get(pk=first["id"]).status == "REVOKED"
    assert License.objects.with_key("NEW-" + second["key"]).get().pk == second["id"]
    assert not License.objects.with_key(second["key"]).exists()


def test_a_new_encryption_key_makes_each_hash_again(sandbox: Sandbox, sync: Sync) -> None:
    sync("licenses")
    one = sandbox.dump("licenses")[0]
    before = License.objects.get(pk=one["id"]).key_hash
    new = generate_key()
    with override_settings(PANDABASE=_with_keys([new, *conf.encryption_keys])):
        assert License.objects.with_key(one["key"]).exists()
        sync("licenses", full=True)
        assert License.objects.get(pk=one["id"]).key_hash != before
    with override_settings(PANDABASE=_with_keys([new])):
        assert License.objects.with_key(one["key"]).get().pk == one["id"]


@pytest.mark.fact(51)
def test_no_key_reaches_a_row_a_log_a_page_an_error_a_note_or_an_export(
    sandbox: Sandbox, sync: Sync, store: Store, everything_logged: io.StringIO
) -> None:
    (pk,) = sandbox.change([{"op": "create_license", "key": CANARY}])
    out = io.StringIO()
    sync("licenses")
    assert License.objects.with_key(CANARY).get().pk == pk
    sandbox.change([{"op": "edit_license", "id": pk, "fields": {"key": CANARY + "2"}}])
    sync("licenses")
    assert RowChange.objects.filter(row_id=pk).exists()
    # A row that can't be read, and one that the database refuses.
    (odd,) = sandbox.change([{"op": "create_license", "key": CANARY}])
    sandbox.change([{"op": "edit_license", "id": odd, "fields": {"id": None}}])
    sync("licenses", full=True)
    for options in (["--audit", "--full"], ["--dry-run"]):
        with suppress(SystemExit, CommandError):
            call_command(
                "pandabase_sync", "--resource", "licenses", *options, stdout=out, stderr=out
            )
    call_command("dumpdata", "pandabase", stdout=out)
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            out.write(repr(cursor.fetchall()))
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    for name, args in (("changelist", []), ("change", [pk]), ("history", [pk]), ("export", [])):
        answer: Any = browser.get(reverse(f"admin:pandabase_license_{name}", args=args))
        assert answer.status_code == 200
        out.write(answer.getvalue().decode())
    with client_for(store) as client:
        listed = client.licenses.list()
        out.write(repr(listed) + json.dumps([item.payload for item in listed.items]))
        (mine,) = [item for item in listed.items if item.id == pk]
        assert mine.reveal() == CANARY + "2"
        out.write(repr(client.licenses.get(pk)))
        sandbox.change([{"op": "edit_license", "id": pk, "fields": {"id": ""}}])
        with pytest.raises(Exception) as caught:
            client.licenses.get(pk)
        out.write(shown(caught.value))
    assert everything_logged.getvalue()
    assert logging.getLogger("pandabase_django").isEnabledFor(logging.DEBUG)
    seen = out.getvalue().replace(f"CANARY = {CANARY!r}", "") + everything_logged.getvalue()
    assert CANARY not in seen
