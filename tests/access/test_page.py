"""What docs/access.md shows runs: five lines that let buyers in alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.shortcuts import get_object_or_404
from django.test import RequestFactory

from pandabase_django.models import Product, Store
from tests.access.rows import buy, product
from tests.docs.pages import ROOT, blocks

FIRST, SECOND = blocks("docs/access.md")[:2]


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "docs/access.md", "exec"), names)
    return names


@pytest.mark.django_db
def test_the_five_lines_let_a_buyer_in_and_nobody_else() -> None:
    sold, buyer = product(Store.objects.create(pk="shp_1")), User.objects.create(username="ada")
    buy(sold, user=buyer, verdict="MATCHED", standing="IN_FORCE")
    shown = run(
        FIRST,
        Product=Product,
        get_object_or_404=get_object_or_404,
        redirect=lambda name, pk: ("redirect", name, pk),
        render=lambda request, template, context: ("page", template),
    )
    request = RequestFactory().get("/")
    for user, answer in (
        (buyer, ("page", "shop/manual.html")),
        (AnonymousUser(), ("redirect", "shop:product", sold.pk)),
    ):
        request.user = user
        assert shown["manual"](request, sold.pk) == answer
    request.user = buyer
    run(SECOND, request=request, product=sold, messages=None)


def test_the_demo_has_these_lines() -> None:
    lines = FIRST.split("def manual(request, product_id):\n")[1]
    assert lines in (ROOT / "demo_project" / "shop" / "views.py").read_text(encoding="utf-8")
