"""The lines of the README work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from pandabase_django.access import has_access
from pandabase_django.models import SyncRun
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.testing import Pandabase

ROOT = Path(__file__).resolve().parents[2]
(LINES,) = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
)


@pytest.mark.django_db
@pytest.mark.pandabase(products=5)
def test_the_readmes_lines_sell_and_let_the_buyer_in(
    pandabase: Pandabase, capsys: pytest.CaptureFixture[str]
) -> None:
    user = User.objects.create(username="ada")
    _sync(pandabase, "products")
    names: dict[str, object] = {"user": user}
    exec(compile(LINES, "README.md", "exec"), names)
    session = names["session"]
    assert capsys.readouterr().out == f"{session.checkout_url}\nFalse\n"  # type: ignore[attr-defined]

    paid = {"op": "pay_checkout", "id": session.session_id}  # type: ignore[attr-defined]
    pandabase.remote.sandbox.change([paid])
    _sync(pandabase, "orders")
    assert has_access(user, names["product"])  # type: ignore[arg-type]


def _sync(pandabase: Pandabase, resource: str) -> None:
    sync_resource(pandabase.store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
