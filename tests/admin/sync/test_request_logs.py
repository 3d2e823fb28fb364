"""The request log's page: who sees it, who may fetch, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import ApiToken, RequestLog, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db

LIST = "admin:pandabase_requestlog_changelist"


def fetch_url(token: ApiToken) -> str:
    return reverse("admin:pandabase_requestlog_fetch", args=[quote(token.store_id)])


@pytest.fixture
def fetched(token: ApiToken) -> ApiToken:
    sync_resource(token.store, resource="request_logs", trigger=SyncRun.Trigger.COMMAND)
    return token


def test_a_viewer_sees_the_log_and_no_button(fetched: ApiToken, login: Login) -> None:
    RequestLog.objects.update(ip_is_new=True)
    viewer = login("view_requestlog")
    page = viewer.get(reverse(LIST)).content.decode()
    assert "127.0.0.1" in page
    assert "never seen before" in page
    assert fetch_url(fetched) not in page
    row = RequestLog.objects.all()[0]
    change = reverse("admin:pandabase_requestlog_change", args=[quote(row.pk)])
    assert row.path in viewer.get(change).content.decode()
    assert viewer.post(change, {"path": "/hacked"}).status_code == 403
    for query in ("answer=4", "answer=200", "answer=xx", "ip_is_new__exact=1", "q=core"):
        assert viewer.get(f"{reverse(LIST)}?{query}").status_code == 200
    assert login().get(reverse(LIST)).status_code == 403


def test_nobody_changes_the_log(fetched: ApiToken, login: Login) -> None:
    root, row = login(superuser=True), RequestLog.objects.all()[0]
    for page, arguments in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
        url = reverse(f"admin:pandabase_requestlog_{page}", args=arguments)
        assert root.post(url, {"post": "yes"}).status_code in (302, 403)
    assert RequestLog.objects.filter(pk=row.pk).exists()


def test_fetching_needs_its_permission_a_post_and_csrf(token: ApiToken, login: Login) -> None:
    assert Client().post(fetch_url(token)).status_code == 302
    assert login().post(fetch_url(token)).status_code == 403
    assert login("view_requestlog").post(fetch_url(token)).status_code == 403
    assert login("fetch_requestlog").post(fetch_url(token)).status_code == 403
    allowed = login("view_requestlog", "fetch_requestlog")
    assert allowed.get(fetch_url(token))["Location"] == reverse(LIST)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = allowed.cookies
    assert strict.post(fetch_url(token)).status_code == 403
    missing = reverse("admin:pandabase_requestlog_fetch", args=[quote("shp_none")])
    assert allowed.post(missing).status_code == 404
    assert fetch_url(token) in allowed.get(reverse(LIST)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_button_hands_a_fetch_to_the_workers(
    token: ApiToken, login: Login, broker: Any
) -> None:
    client = login("view_requestlog", "fetch_requestlog")
    answer = client.post(fetch_url(token), follow=True)
    message = broker()
    assert message.headers["task"] == "pandabase.fetch_request_logs"
    assert message.payload[0] == [token.store_id]
    assert "handed to the workers" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_is_told(token: ApiToken, login: Login, dead_broker: None) -> None:
    client = login("view_requestlog", "fetch_requestlog")
    answer = client.post(fetch_url(token), follow=True)
    assert "The broker does not answer" in answer.content.decode()


def test_a_refusal_stands_on_the_page(token: ApiToken, sandbox: Sandbox, login: Login) -> None:
    rule = {"match": {"path_regex": "api-logs"}, "action": "status", "args": {"status": 403}}
    sandbox.fault([rule])
    try:
        sync_resource(token.store, resource="request_logs", trigger=SyncRun.Trigger.ADMIN)
    finally:
        sandbox.clear_faults()
    page = login(superuser=True).get(reverse(LIST)).content.decode()
    assert "does not show its request log to this token" in page
    assert SyncRun.objects.get().request_id in page


def test_the_page_costs_the_same_with_many_stores_and_rows(token: ApiToken, login: Login) -> None:
    client = login(superuser=True)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(LIST)).status_code == 200
        return len(captured)

    def add(number: int) -> None:
        store = Store.objects.create(id=f"shp_{number}")
        now = timezone.now()
        RequestLog.objects.create(id=f"log_{number}", store=store, synced_at=now)
        SyncRun.objects.create(
            store=store,
            resource="request_logs",
            state="COMPLETED",
            trigger="SCHEDULE",
            started_at=now,
            heartbeat_at=now,
        )

    add(0)
    add(1)
    queries()  # warms Django's own caches
    few = queries()
    for number in range(2, 40):
        add(number)
    assert queries() == few


def test_the_page_says_so_when_there_is_no_store(db: None, login: Login) -> None:
    assert "There is no store yet" in login(superuser=True).get(reverse(LIST)).content.decode()
