"""The pages of a checkout in a shop: a button, the way to the payment, and back."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from pandabase_django.models import CheckoutSession, Product
from pandabase_django.services.checkout.embedding import SCRIPT, script_address
from pandabase_django.services.checkout.offers import Offer
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.views.checkout import _visitor
from tests.checkout.buttons import button, offer_in, press
from tests.checkout.conftest import PLANS, Seller
from tests.unstorable import refusing_nul

pytestmark = pytest.mark.django_db

HERE = "http://testserver"
SECURE = {"secure": True}


def test_a_button_leads_to_the_payment_and_back_to_what_the_order_says(
    seller: Seller, client: Client
) -> None:
    client.force_login(seller.buyer)
    answer = press(client, button(seller.product(), 'quantity=2 purpose="course" data=7'))
    session = CheckoutSession.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, session.checkout_url)
    assert (session.user, session.purpose, session.context) == (seller.buyer, "course", 7)
    assert session.return_url == (
        f"https://testserver/pandabase/checkout/{session.public_id}/return/"
    )
    assert "We have not seen your payment yet" in client.get(session.return_url).text
    _, order_id = seller.sandbox.change([{"op": "pay_checkout", "id": session.session_id}])
    fetch_order(seller.store, order_id)
    # Coming back is nobody's right: the address may be shared, and shows nothing of a person.
    page = Client().get(session.return_url, **SECURE)
    assert "Thank you, it is paid." in page.text
    for kept in (session.reference, seller.buyer.username, order_id, "course"):
        assert kept not in page.text
    assert "no-store" in page["Cache-Control"]
    status = Client().get(reverse("pandabase:checkout-status", args=[session.public_id]))
    assert status.json() == {"state": "paid", "open": False, "texts": {}, "progress": {}}


def test_a_double_click_is_one_session_for_a_user_and_for_a_guest(
    seller: Seller, client: Client
) -> None:
    html = button(seller.product())
    assert press(client, html)["Location"] == press(client, html)["Location"]
    press(Client(), html)
    client.force_login(seller.buyer)
    assert press(client, html)["Location"] == press(client, html)["Location"]
    users = CheckoutSession.objects.order_by("created_at").values_list("user", flat=True)
    assert list(users) == [None, None, seller.buyer.pk]


ENGINES = ("cache", "cached_db", "db", "file", "signed_cookies")


@pytest.mark.parametrize("engine", ENGINES)
def test_each_guest_has_a_checkout_of_their_own_with_every_engine_of_sessions(
    seller: Seller, client: Client, settings: Any, tmp_path: Path, engine: str
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    html = button(seller.product())
    other = Client()
    first = press(client, html)["Location"]
    assert press(other, html)["Location"] != first
    assert press(client, html)["Location"] == first
    assert CheckoutSession.objects.count() == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_two_first_clicks_at_once_of_a_known_visitor_are_one_checkout(
    seller: Seller, settings: Any, tmp_path: Path, engine: str
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    kept = import_module(settings.SESSION_ENGINE).SessionStore()
    kept["language"] = "de"
    kept.save()
    asked = []
    for _ in range(2):  # neither sees what the other writes at the end of its request
        request = RequestFactory().post("/")
        request.session = type(kept)(kept.session_key)
        asked.append(_visitor(request))
    assert asked[0] == asked[1]


def test_what_is_sold_can_not_be_changed_by_the_buyer(seller: Seller, client: Client) -> None:
    product = seller.product(variants=PLANS)
    team = product.variants.get(pk="var_team")
    press(client, button(team, 'purpose="team"'))
    (item,) = CheckoutSession.objects.get().items
    assert (item["variant_id"], item["price_minor"]) == ("var_team", 4900)
    offer = Offer.of(team, purpose="team").signed()
    for forged in ("", "x", offer[:-1], offer + "a", offer.replace(offer[5], "A", 1)):
        answer = client.post(reverse("pandabase:checkout-start"), {"offer": forged}, secure=True)
        assert answer.status_code == 409
        assert "Please tell the shop" in answer.text
    assert CheckoutSession.objects.count() == 1


def test_the_form_is_refused_without_its_csrf_token(seller: Seller) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert press(strict, button(seller.product())).status_code == 403
    assert strict.get(reverse("pandabase:checkout-start")).status_code == 405
    assert not CheckoutSession.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": 3900}, "The price has changed. Reload the page to see it."),
        ({"status": "ARCHIVED"}, "This is not on sale any more."),
        ({"inStock": False}, "This is sold out."),
    ],
)
@pytest.mark.parametrize("synced", [True, False])
def test_what_changed_since_the_page_was_shown_is_said_to_the_buyer(
    seller: Seller, client: Client, change: dict[str, Any], said: str, synced: bool
) -> None:
    product = seller.product()
    html = button(product)
    seller.change(product, **change)
    if synced:
        seller.sync()
    answer = client.post(
        reverse("pandabase:checkout-start"),
        {"offer": offer_in(html)},
        secure=True,
        headers={"Referer": "https://testserver/plans/"},
    )
    if not synced and "inStock" in change:
        # The sandbox, as the remote, sells what it has not counted.
        assert answer.status_code in (302, 409)
        return
    assert answer.status_code == 409
    assert 'href="https://testserver/plans/"' in answer.text
    assert said in answer.text or (not synced and "did not accept this" in answer.text)


def test_a_remote_that_is_away_is_a_page_that_says_so(seller: Seller, client: Client) -> None:
    html = button(seller.product())
    seller.sandbox.fault([{"match": {"method": "POST"}, "action": "status", "status": 503}])
    answer = client.post(
        reverse("pandabase:checkout-start"),
        {"offer": offer_in(html)},
        secure=True,
        headers={"Referer": "https://elsewhere.example/"},
    )
    assert answer.status_code == 503
    assert "can&#x27;t be reached right now" in answer.text
    assert "elsewhere" not in answer.text


@pytest.mark.parametrize("public_id", ["0" * 32, "a\x00b", "\x00" * 32, "x", "é" * 32, "0" * 5000])
def test_an_address_that_is_no_checkout_is_404(client: Client, public_id: str) -> None:
    for name in ("pay", "return", "status"):
        path = reverse(f"pandabase:checkout-{name}", args=[public_id])
        with refusing_nul():
            assert client.get(path).status_code == 404


def test_a_checkout_within_the_shops_page_takes_its_nonce_and_its_language(
    seller: Seller, client: Client
) -> None:
    answer = press(client, button(seller.product(), 'mode="modal"'))
    session = CheckoutSession.objects.get()
    assert answer["Location"] == f"/pandabase/checkout/{session.public_id}/?mode=modal"
    page = client.get(answer["Location"]).text
    assert f'data-session="{session.session_id}"' in page
    assert f'src="{seller.sandbox.url}/v2/sdk.js"' in page
    assert "29.00 USD" in page
    assert session.reference not in page
    CheckoutSession.objects.update(state="PAID")
    over = client.get(answer["Location"])
    assert over["Location"] == f"/pandabase/checkout/{session.public_id}/return/"
    tag = Template(
        '{% load pandabase %}{% pandabase_checkout_script s mode="drawer" theme="dark" %}'
    )
    request = RequestFactory().get("/")
    request.csp_nonce = "n0nce"  # type: ignore[attr-defined]
    with translation.override("de"):
        html = tag.render(Context({"s": session, "request": request}))
    assert html.count('nonce="n0nce"') == 2
    assert 'data-locale="de"' in html
    assert 'data-theme="dark"' in html


def test_the_script_is_the_vendors_wherever_the_store_is_not_a_sandbox(
    seller: Seller, settings: Any
) -> None:
    assert script_address(seller.store).startswith(seller.sandbox.url)
    seller.store.tokens.update(base_url="https://api.pandabase.io")
    assert script_address(seller.store) == SCRIPT


def test_the_pages_extend_the_shops_own_template(
    seller: Seller, client: Client, settings: Any
) -> None:
    session = seller.sell(seller.product())
    settings.PANDABASE = {**settings.PANDABASE, "CHECKOUT_BASE_TEMPLATE": "admin/base.html"}
    page = client.get(reverse("pandabase:checkout-return", args=[session.public_id])).text
    assert "admin/css/base.css" in page
    assert "We have not seen your payment yet" in page


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (1234, "USD", "12.34 USD"),
        (1234567, "JPY", "1,234,567 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (-5, "EUR", "-0.05 EUR"),
        (None, "USD", "-"),
    ],
)
def test_a_price_has_the_digits_of_its_currency(
    minor: int | None, currency: str, shown: str
) -> None:
    text = Template("{% load pandabase %}{{ minor|money:currency }}")
    assert text.render(Context({"minor": minor, "currency": currency})) == shown


def test_a_sold_out_product_has_a_button_that_can_not_be_pressed(seller: Seller) -> None:
    product = Product(pk="prd_1", store=seller.store, in_stock=False, price_minor=100)
    html = button(product)
    assert "disabled" in html
    assert "Sold out" in html


def test_who_had_to_sign_in_first_is_asked_to_press_the_button_again(
    seller: Seller, client: Client, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    sent_away = press(client, button(seller.product()))
    assert sent_away.status_code == 302
    client.force_login(seller.buyer)
    came_back: HttpResponse = client.get(reverse("pandabase:checkout-start"))
    assert (came_back.status_code, came_back["Allow"]) == (405, "POST")
    assert "go back to the product" in came_back.content.decode()
    assert press(client, button(seller.product())).status_code == 302
    assert CheckoutSession.objects.count() == 1
