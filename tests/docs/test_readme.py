"""The lines of the README work."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from pandabase_django.access import has_access
from pandabase_django.testing import Pandabase
from tests.docs.pages import blocks

(LINES,) = blocks("README.md")


@pytest.mark.django_db
@pytest.mark.pandabase(products=5)
def test_the_readmes_lines_sell_and_let_the_buyer_in(
    pandabase: Pandabase, capsys: pytest.CaptureFixture[str]
) -> None:
    user = User.objects.create(username="ada")
    pandabase.sync("products")
    names: dict[str, object] = {"user": user}
    exec(compile(LINES, "README.md", "exec"), names)
    session = names["session"]
    assert capsys.readouterr().out == f"{session.checkout_url}\nFalse\n"  # type: ignore[attr-defined]

    pandabase.pay(session)  # type: ignore[arg-type]
    assert has_access(user, names["product"])  # type: ignore[arg-type]
