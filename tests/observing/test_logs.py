"""What records say beside their messages, and that each logger is documented."""

from __future__ import annotations

import ast
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pandabase_django
from pandabase_django import observing
from pandabase_django.events import on_event
from pandabase_django.exceptions import ServerError
from pandabase_django.models import Customer, Order, Store, SyncRun
from pandabase_django.observing.logs import FACTS, about, get_logger
from pandabase_django.observing.logs import facts as said
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.webhooks.process import process_delivery
from tests.connecting import connect
from tests.docs.pages import blocks
from tests.webhooks.conftest import Arrive, arrive, endpoint, url

__all__ = ["arrive", "endpoint", "url"]

PACKAGE = Path(pandabase_django.__file__).parent
DOCS = PACKAGE.parent / "docs"
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
# It watches what Django itself logs.
OTHERS = {"services/webhooks/surroundings.py", "observing/logs.py"}


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says that the standard library does not."""
    return {name: value for name, value in vars(record).items() if name not in STANDARD}


def loggers() -> Iterator[tuple[str, str]]:
    """Each logger that the code makes, and by which function."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and name not in OTHERS:
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in ("getLogger", "get_logger"):
                    assert [getattr(arg, "id", "") for arg in node.args] == ["__name__"], name
                    parts = Path(name).with_suffix("").parts
                    module = parts[:-1] if parts[-1] == "__init__" else parts
                    yield ".".join(("pandabase_django", *module)), called


def test_the_page_has_each_logger_and_no_other() -> None:
    rows = re.findall(
        r"^\| `(pandabase_django[\w.]*)` \|", (DOCS / "reference/logs.md").read_text("utf-8"), re.M
    )
    assert rows == sorted(name for name, _ in loggers())
    assert len(rows) > 40


def test_every_logger_says_the_facts_but_for_the_sandboxs() -> None:
    plain = {name for name, made in loggers() if made == "getLogger"}
    assert all(name.startswith("pandabase_django.sandbox.") for name in plain)


def test_the_page_has_each_attribute() -> None:
    text = (DOCS / "reference/logs.md").read_text("utf-8").partition("## Names")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", text, re.M)) == FACTS


def test_facts_are_those_of_the_innermost_work(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("pandabase_django.tests")
    with about(store="shp_1", resource="orders"):
        with about(run=7):
            logger.warning("inside")
        logger.warning("outside: %s", ServerError("no", status=503, request_id="req_9"))
        logger.warning("said itself", extra=said(store="shp_2"))
        try:
            raise ServerError("no", status=503, request_id="req_8")
        except ServerError:
            logger.exception("raised")
    logger.warning("after")
    logging.getLogger("shop").warning("another's")
    assert [facts(record) for record in caplog.records] == [
        {"store": "shp_1", "resource": "orders", "run": "7"},
        {"store": "shp_1", "resource": "orders", "request_id": "req_9"},
        {"store": "shp_2", "resource": "orders"},
        {"store": "shp_1", "resource": "orders", "request_id": "req_8"},
        {},
        {},
    ]
    assert {record.filename for record in caplog.records} == {"test_logs.py"}


def test_a_name_that_the_shops_records_have_is_left_as_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = logging.LogRecord(*arguments, **named)
        record.request_id = "of the shop"
        return record

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(made)
    try:
        logger = get_logger("pandabase_django.tests")
        logger.warning("said", extra=said(store="shp_1", request_id="req_1"))
    finally:
        logging.setLogRecordFactory(before)
    assert facts(caplog.records[0]) == {"store": "shp_1", "request_id": "of the shop"}


@pytest.mark.django_db
def test_a_sync_that_fails_names_store_resource_run_and_request(
    sandbox: Sandbox, store: Store, short_backoff: None, caplog: pytest.LogCaptureFixture
) -> None:
    args = {"status": 503}
    sandbox.fault(
        [{"match": {"path_regex": "/products"}, "times": 0, "action": "status", "args": args}]
    )
    run = sync_resource(store, resource="products", trigger=SyncRun.Trigger.COMMAND).run
    (record,) = [record for record in caplog.records if "failed" in record.message]
    assert record.name == "pandabase_django.services.sync.run.failures"
    found = facts(record)
    assert run.request_id
    assert found == {
        "store": store.pk,
        "resource": "products",
        "run": str(run.pk),
        "request_id": run.request_id,
    }


class Noting(observing.Observer):
    """Logs each request in the thread that sends it."""

    def request_begins(self, attempt: observing.Attempt) -> Any:
        get_logger("pandabase_django.tests").warning("%s is sent", attempt.operation)


@pytest.mark.django_db
def test_what_reading_threads_log_names_the_sync(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing._Set, "choose", staticmethod(lambda: (Noting(),)))
    run = sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND).run
    whole = {"store": store.pk, "resource": "orders", "run": str(run.pk)}
    assert len(caplog.records) > 20
    assert {str(record.threadName).partition("_")[0] for record in caplog.records} >= {
        "pandabase-fetch"
    }
    assert [facts(record) for record in caplog.records if facts(record) != whole] == []
    caplog.clear()
    audit(store, resource="orders")
    assert caplog.records
    unsaved = {"store": store.pk, "resource": "orders"}
    assert [facts(record) for record in caplog.records if facts(record) != unsaved] == []


@pytest.mark.django_db
@pytest.mark.usefixtures("no_others")
def test_a_handler_that_fails_names_the_store(
    arrive: Arrive, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    @on_event("PAYMENT_COMPLETED")
    def broken(event: Any) -> None:
        raise RuntimeError("no")

    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    order = Order.objects.filter(status="COMPLETED").first()
    assert order is not None
    process_delivery(arrive(order.pk).pk)
    (record,) = [record for record in caplog.records if record.message.startswith("Handler")]
    assert facts(record) == {"store": store.pk}


@pytest.mark.django_db
@pytest.mark.usefixtures("no_others", "short_backoff")
def test_no_attribute_holds_a_secret_a_person_or_an_order(
    arrive: Arrive, sandbox: Sandbox, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pandabase_django")
    on_event("PAYMENT_COMPLETED")(lambda event: [][0])
    for resource in ("products", "orders", "customers"):
        sync_resource(store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
    order = Order.objects.filter(status="COMPLETED").first()
    assert order is not None
    process_delivery(arrive(order.pk).pk)
    process_delivery(arrive("ord_nowhere").pk)
    sandbox.revoke_token(sandbox.hmac_token.token_id)
    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    ours = [one for one in caplog.records if one.name.startswith("pandabase_django.")]
    ours = [one for one in ours if ".sandbox." not in one.name]
    assert len(ours) >= 4
    said = [facts(record) for record in ours]
    assert {name for one in said for name in one} <= set(FACTS)
    assert any("request_id" in one for one in said)
    persons = [customer.email for customer in Customer.objects.all()]
    orders = list(Order.objects.values_list("pk", flat=True))
    text = json.dumps(said)
    for canary in (sandbox.hmac_token.secret, "ord_nowhere", *persons, *orders):
        assert canary not in text


@pytest.mark.django_db
def test_the_pages_formatter_writes_a_line_of_json(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    (code,) = blocks("docs/how-to/logs.md", holding="JsonLines")
    names: dict[str, Any] = {}
    exec(compile(code, "logs.md", "exec"), names)
    assert names["FACTS"] == FACTS
    store = connect(sandbox).store
    sandbox.revoke_token(sandbox.hmac_token.token_id)
    run = sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND).run
    formatter = names["JsonLines"]()
    lines = [json.loads(formatter.format(record)) for record in caplog.records]
    (failed,) = [line for line in lines if line["logger"].endswith("run.failures")]
    (shown,) = map(json.loads, blocks("docs/how-to/logs.md", "json"))
    assert failed.keys() == shown.keys()
    assert (failed["store"], failed["run"]) == (store.pk, str(run.pk))
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.makeLogRecord({"msg": "raised", "exc_info": sys.exc_info()})
    line = json.loads(formatter.format(record))
    assert line["error"].endswith("ValueError: no")
    assert not line.keys() & set(FACTS)
