"""What the page on the client shows runs, and does what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import RequestFactory

from pandabase_django.testing import Pandabase
from tests.docs.pages import blocks

PAGE = "docs/client.md"
BLOCKS = blocks(PAGE)


@pytest.mark.django_db
@pytest.mark.pandabase(products=5, orders=25)
def test_the_blocks_run_one_after_the_other(
    pandabase: Pandabase, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"store": pandabase.store}
    shown = []
    for block in BLOCKS:
        exec(compile(block, PAGE, "exec"), names)
        shown.append(capsys.readouterr().out.splitlines())
    listed, made, pages, headers, _, failed = shown
    assert 0 < len(listed) <= 5
    assert made == []
    (first,) = pages
    assert first.startswith("10 25 True ")
    assert names["resume_at"] == 4
    assert len(headers) == 1
    answer = async_to_sync(names["stock"])(RequestFactory().get("/"))
    assert json.loads(answer.content).keys() == {"products", "coupons", "recent"}
    assert len(json.loads(answer.content)["recent"]) == 5
    assert failed[0].startswith("404 ")
    assert failed[1].endswith(" False")
