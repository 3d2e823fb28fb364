"""What a buyer gives goes through everything, and is looked for everywhere it must not be."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.checkout import FreeItem, estimate_checkout
from pandabase_django.events import on_paid
from pandabase_django.exceptions import CheckoutError
from pandabase_django.models import CheckoutSession, Order, Purchase
from pandabase_django.services.checkout.offers import Offer
from pandabase_django.services.purchases.handing import process_purchase
from pandabase_django.services.sync.refresh import fetch_order
from tests.checkout.conftest import Seller
from tests.frames import shown_by
from tests.handlers import no_handlers
from tests.purchases.conftest import work

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "sk_live_canary0f00d7Q"
EMAIL = "canary.mail@example.com"
NAME = "Canary Nameson"
STREET = "Canarystreet 7"
TAX_ID = "DE-CANARY-TAX"
COUPON = "CANARYCOUPON"
CONTEXT = "canary-context"
FIELD = "canary-field"
VISITOR = "canary-session-key"

# What is kept nowhere here, and what is kept in its own column alone.
NEVER_KEPT = (SECRET, EMAIL, NAME, STREET, TAX_ID, FIELD, VISITOR)
KEPT = (COUPON, CONTEXT)

ITEM = FreeItem("Licence", 4_900)
GIVEN: dict[str, Any] = {
    "context": {"note": CONTEXT},
    "customer": {
        "name": NAME,
        "email": EMAIL,
        "billing": {
            "line1": STREET,
            "city": "Bonn",
            "state": "NW",
            "postal_code": "53113",
            "country": "DE",
        },
    },
    "coupon_code": COUPON,
    "fields": [
        {
            "key": "nick",
            "label": {"type": "custom", "custom": "Nickname"},
            "type": "text",
            "text": {"default_value": FIELD},
        }
    ],
    "tax_id": TAX_ID,
    "idempotency": VISITOR,
}
# A remote that repeats all that it was sent, and more.
ECHO = " ".join((SECRET, EMAIL.upper(), NAME, STREET, TAX_ID, COUPON, FIELD))
FAULTS: list[dict[str, Any]] = [
    {"action": "status", "args": {"status": 400, "error": ECHO}},
    {"action": "status", "args": {"status": 404, "error": ECHO}},
    {"action": "status", "args": {"status": 429, "retry_after_seconds": 30, "error": ECHO}},
    {"action": "status", "args": {"status": 503, "error": ECHO}},
    {"action": "html"},
    {"action": "truncate"},
    {"action": "reset"},
]
UNFIT_ANSWERS: list[dict[str, Any]] = [
    {"data.amount": 1, "data.title": ECHO},
    {"data.id": ECHO * 3},
    {"data.checkout_url": f"http://shop.example/{ECHO}", "data.pay_redirect_url": ECHO},
]


class Watcher(logging.Handler):
    """All that was logged, by the worst of loggers: with the variables of each frame."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.shown: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.shown.append(f"{record.name} {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1]:
            self.see(record.exc_info[1])

    def see(self, error: BaseException) -> None:
        self.shown.append(shown_by(error))

    def text(self) -> str:
        return "\n".join(self.shown)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watcher = Watcher()
    names = ["", *logging.root.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    # Statements with their values, which Django logs at DEBUG, are for whoever asks for them.
    quiet = ("django.db", "factory", "faker")
    for name in names:
        if not name.startswith(quiet):
            logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(watcher)
    yield watcher
    logging.getLogger().removeHandler(watcher)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(autouse=True)
def _no_handlers() -> Iterator[None]:
    with no_handlers():
        yield


def tables(*, without: str = "") -> str:
    """Every row of every table of ours, but for columns that keep what is looked for."""
    shown = []
    for table in connection.introspection.table_names():
        if not table.startswith(("pandabase", "django_admin_log", "django_session")):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description or ()]
            kept = [i for i, name in enumerate(columns) if f"{table}.{name}" not in without.split()]
            shown += [repr([row[i] for i in kept]) for row in cursor.fetchall()]
    return "\n".join(shown)


def test_no_refusal_shows_what_a_buyer_gave(seller: Seller, watcher: Watcher) -> None:
    errors = []
    for fault in FAULTS:
        seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **fault}])
        with pytest.raises(CheckoutError) as caught:
            seller.sell(ITEM, **GIVEN)
        errors.append(caught.value)
        cache.clear()  # the limit is over
    for answer in UNFIT_ANSWERS:
        fault = {"action": "edit_body", "args": {"set": answer}}
        seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **fault}])
        with pytest.raises(CheckoutError) as caught:
            seller.sell(ITEM, **{**GIVEN, "coupon_code": "WELCOME10"})
        errors.append(caught.value)
    for wrong in (
        {"coupon_code": COUPON * 9},
        {"coupon_code": COUPON + "\n\x00"},
        {"tax_id": TAX_ID * 9},
        {"fields": GIVEN["fields"] * 4},
        {"return_url": "http://shop.example/"},
    ):
        with pytest.raises(CheckoutError) as caught:
            seller.sell(ITEM, **{**GIVEN, **wrong})
        errors.append(caught.value)
    for unfit in ("context", "customer"):
        with pytest.raises(TypeError) as mistake:
            seller.sell(ITEM, **{**GIVEN, unfit: {NAME: timezone.now(), "note": CONTEXT}})
        watcher.see(mistake.value)
    with pytest.raises(ValueError, match="not saved") as unsaved:
        seller.sell(ITEM, **{**GIVEN, "user": User(username=EMAIL)})
    watcher.see(unsaved.value)
    estimate = {"country": "DE", "coupon_code": COUPON, "tax_id": TAX_ID}
    fault = {"action": "status", "args": {"status": 400, "error": f"{COUPON} {TAX_ID}"}}
    seller.sandbox.fault([{"match": {"path_regex": "/estimate"}, **fault}])
    with pytest.raises(CheckoutError) as caught:
        estimate_checkout(seller.store, [ITEM], **estimate)
    errors.append(caught.value)
    for error in errors:
        watcher.see(error)
        watcher.shown += [str(error), error.for_buyer, repr(error)]
    rows = list(CheckoutSession.objects.all())
    assert {row.state for row in rows} == {"REFUSED", "UNKNOWN"}
    assert len(rows) == len(FAULTS) + len(UNFIT_ANSWERS)
    watcher.shown += [f"{row} {row!r} {row.refusal}" for row in rows]
    assert "opening" in watcher.text()
    for canary in (*NEVER_KEPT, *KEPT):
        assert canary.lower() not in watcher.text().lower(), canary
    kept = "pandabase_checkoutsession.context pandabase_checkoutsession.coupon_code"
    for canary in NEVER_KEPT:
        assert canary.lower() not in tables().lower(), canary
    for canary in KEPT:
        assert canary.lower() not in tables(without=kept).lower(), canary


def test_no_page_and_no_cookie_shows_what_the_shop_keeps(
    seller: Seller, client: Client, watcher: Watcher
) -> None:
    client.force_login(seller.buyer)
    start = reverse("pandabase:checkout-start")
    offer = Offer.of(seller.product(), purpose="course", context={"note": CONTEXT}).signed()
    pages = [client.post(start, {"offer": offer + "x"}, secure=True)]
    fault = {"action": "status", "args": {"status": 400, "error": ECHO}}
    seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **fault}])
    pages.append(client.post(start, {"offer": offer}, secure=True))
    pages.append(client.post(start, {"offer": offer}, secure=True))
    assert [page.status_code for page in pages] == [409, 409, 302]
    session = CheckoutSession.objects.get(state="OPEN")
    assert session.context == {"note": CONTEXT}
    for name in ("pay", "return", "status"):
        url = reverse(f"pandabase:checkout-{name}", args=[session.public_id])
        pages.append(client.get(url, secure=True))
        assert pages[-1].status_code == 200
    key = client.cookies["sessionid"].value
    for page in pages:
        watcher.shown.append(page.content.decode() + repr(page.headers))
        cookies = repr({name: one for name, one in page.cookies.items() if name != "sessionid"})
        watcher.shown.append(cookies)
    assert "course" not in watcher.text()
    for canary in (SECRET, EMAIL, CONTEXT, key, session.reference, seller.buyer.username):
        assert canary not in watcher.text(), canary
    # All that leaves is the signed reference.
    (sent,) = seller.opened()
    for canary in (CONTEXT, key, "course"):
        assert canary not in repr(sent)


def test_no_handler_that_raises_and_no_dead_letter_shows_what_a_buyer_gave(
    seller: Seller, watcher: Watcher
) -> None:
    @on_paid("course")
    def broken(purchase: Purchase) -> None:
        assert purchase.context == {"note": CONTEXT}
        assert purchase.order is not None
        assert purchase.order.custom_fields == {"nick": FIELD}
        raise LookupError("no key is left")

    given = {**GIVEN, "coupon_code": "WELCOME10", "purpose": "course"}
    session = seller.sell(ITEM, **given)
    pay = {"op": "pay_checkout", "id": session.session_id, "email": EMAIL, "name": NAME}
    order_id = seller.sandbox.change([{**pay, "typed": {"nick": FIELD}}])[-1]
    fetch_order(seller.store, order_id)
    purchase = Purchase.objects.get()
    assert Order.objects.get().payload["customFields"] == {"nick": FIELD}
    result = process_purchase(purchase.pk)
    assert result.failed == 1
    for _ in range(8):
        work()
    purchase.refresh_from_db()
    assert (purchase.state, purchase.attempts) == ("DEAD", 8)
    fact = purchase.facts.get()
    watcher.shown += [f"{row} {row!r}" for row in (purchase, session, fact)]
    watcher.shown.append(purchase.last_error)
    assert "no key is left" in watcher.text()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    pages = [
        client.get(reverse("admin:pandabase_purchase_changelist")),
        client.get(reverse("admin:pandabase_purchase_change", args=[purchase.pk])),
        client.get(reverse("admin:pandabase_checkoutsession_changelist")),
        client.get(reverse("admin:pandabase_overview")),
    ]
    for name in ("purchase", "checkoutsession"):
        export = client.get(reverse(f"admin:pandabase_{name}_export"))
        watcher.shown.append(b"".join(export.streaming_content).decode())  # type: ignore[attr-defined]
    for page in pages:
        assert page.status_code == 200
        watcher.shown.append(page.content.decode() + repr(page.cookies))
    for canary in (*NEVER_KEPT, CONTEXT):
        assert canary not in watcher.text(), canary
    assert SECRET not in tables()
    # What the shop keeps of its own is where it is to be read, and nowhere else.
    page = client.get(reverse("admin:pandabase_checkoutsession_change", args=[session.pk]))
    assert CONTEXT in page.content.decode()


def test_an_offer_names_what_is_sold_and_not_for_whom(seller: Seller) -> None:
    text = "{% load pandabase %}{% pandabase_checkout_button item data=data %}"
    product = seller.product()
    html = Template(text).render(Context({"item": product, "data": {"note": CONTEXT}}))
    assert CONTEXT not in html
    assert CONTEXT not in repr(Offer.of(product, context={"note": CONTEXT}))
