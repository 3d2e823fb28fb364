"""Lists as CSV: what the list has, harmless in a spreadsheet; and lists that stay quick."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.admin.base.lists import AtLeast, BoundedPaginator
from pandabase_django.models import ApiToken, Customer, Order, Product
from pandabase_django.printable import cell
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db


def url(page: str) -> str:
    return reverse(f"admin:pandabase_{page}")


def rows_of(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_filtered_list_is_exported_all_pages_of_it(mirrored: ApiToken, login: Login) -> None:
    client = login("view_order")
    status = Order.objects.values_list("status", flat=True)[0]
    answer = client.get(url("order_export"), {"status": status, "p": "2"})
    assert answer.streaming
    assert "attachment" in answer.headers["Content-Disposition"]
    found = rows_of(answer)
    assert {row["id"] for row in found} == set(
        Order.objects.filter(status=status).values_list("pk", flat=True)
    )
    order = Order.objects.get(pk=found[0]["id"])
    assert Decimal(found[0]["amount"]) == Decimal(order.amount_minor or 0) / 100
    link = client.get(url("order_changelist"), {"status": status}).content.decode()
    assert f"{url('order_export')}?status={status}" in link


def test_a_wrong_filter_leads_back_to_the_list(mirrored: ApiToken, login: Login) -> None:
    answer = login("view_order").get(url("order_export"), {"nonsense__x": "1"})
    assert answer.status_code == 302


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "\r=1",
        " =cmd",
        "＝1",  # noqa: RUF001
        "=HYPERLINK(1)",
        "\ufeff=1",
        "\u200b=1",
    ],
)
def test_no_text_becomes_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize(
    "separator", [";", "\t", "\n", "\r\n", "; ", ";\u200b", ';"', ';" "', "\n\t;"]
)
@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "＝1"])  # noqa: RUF001
def test_no_part_of_a_text_is_a_formula_for_whoever_separates_otherwise(
    separator: str, formula: str
) -> None:
    line = '"id","' + cell(f"a{separator}{formula}").replace('"', '""') + '","x"\r\n'
    for delimiter in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(line, newline=""), delimiter=delimiter):
            for text in row:
                assert not text.lstrip(' "\u200b').startswith(tuple("=+-@＝")), (delimiter, row)  # noqa: RUF001
    for part in re.split(r"[;\t\r\n]", line):
        assert not part.lstrip(' "\u200b').startswith(tuple("=+-@＝"))  # noqa: RUF001


def test_texts_that_are_no_formula_stay_as_they_are() -> None:
    for text in ("a; b", "a-b; c=d", "first\nsecond", 'say "hello"; then go', "1;2;3"):
        assert cell(text) == text


def test_numbers_keep_their_sign_and_texts_stay_as_they_are() -> None:
    assert cell(Decimal("-12.34")) == "-12.34"
    assert cell(-5) == "-5"
    assert cell("a=b") == "a=b"
    assert cell(None) == ""


def test_a_hostile_title_arrives_as_text(mirrored: ApiToken, login: Login) -> None:
    Product.objects.update(title='=cmd|"/C calc"!A1')
    found = rows_of(login("view_product").get(url("product_export")))
    assert {row["title"] for row in found} == {"'" + '=cmd|"/C calc"!A1'}


def test_an_export_costs_the_same_at_ten_rows_as_at_many(mirrored: ApiToken, login: Login) -> None:
    client = login(superuser=True)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of(client.get(url("order_export")))
        return len(captured)

    queries()
    many = queries()
    Order.objects.filter(pk__in=list(Order.objects.values_list("pk", flat=True)[10:])).delete()
    assert queries() == many <= 15


def test_counting_ends_at_a_bound(
    mirrored: ApiToken, monkeypatch: pytest.MonkeyPatch, login: Login
) -> None:
    monkeypatch.setattr("pandabase_django.admin.base.lists.MOST_ROWS", 20)
    pages = BoundedPaginator(Order.objects.order_by("pk"), 5)
    assert (pages.count, str(pages.count), pages.num_pages) == (20, "20+", 4)
    assert isinstance(pages.count, AtLeast)
    few = Order.objects.filter(pk__in=list(Order.objects.values_list("pk", flat=True)[:7]))
    assert str(BoundedPaginator(few, 5).count) == "7"
    assert "20+" in login("view_order").get(url("order_changelist")).content.decode()


def test_orders_are_found_by_id_number_and_address(mirrored: ApiToken, login: Login) -> None:
    client = login("view_order")
    order = Order.objects.exclude(customer=None).select_related("customer")[0]
    assert order.customer is not None
    for term in (order.pk, order.pk[:12], order.order_number, order.customer.email):
        page = client.get(url("order_changelist"), {"q": term})
        assert order in page.context["cl"].result_list, term
    assert not client.get(url("order_changelist"), {"q": "nobody@x"}).context["cl"].result_list
    assert client.get(url("order_changelist"), {"q": "\x00"}).status_code == 200


def test_customers_and_products_lead_to_their_orders(mirrored: ApiToken, login: Login) -> None:
    order = Order.objects.exclude(customer=None)[0]
    item = order.items.exclude(product_id=None)[0]
    for model, pk in ((Customer, order.customer_id), (Product, item.product_id)):
        page = reverse(
            f"admin:pandabase_{model._meta.model_name}_change", args=[str(pk).replace("_", "_5F")]
        )
        view = f"view_{model._meta.model_name}"
        assert order.order_number in login(view, "view_order").get(page).content.decode()
        assert order.order_number not in login(view).get(page).content.decode()


def test_a_tombstone_is_seen_and_filtered(mirrored: ApiToken, login: Login) -> None:
    Product.objects.filter(pk=Product.objects.all()[0].pk).update(gone_at=timezone.now())
    client = login("view_product")
    page = client.get(url("product_changelist"), {"gone": "yes"})
    assert len(page.context["cl"].result_list) == 1
    assert "Gone</span>" in page.content.decode()


def test_orders_whose_details_are_due_are_filtered(mirrored: ApiToken, login: Login) -> None:
    due = Order.objects.all()[0]
    Order.objects.exclude(pk=due.pk).update(dirty=False)
    Order.objects.filter(pk=due.pk).update(dirty=True)
    page = login("view_order").get(url("order_changelist"), {"dirty": "1"})
    assert [row.pk for row in page.context["cl"].result_list] == [due.pk]
