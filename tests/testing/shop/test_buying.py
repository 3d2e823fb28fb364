"""Buying at the shop of docs/selling.md: what is shown, paid and handed out."""

import pytest
from courses.models import Seat

from pandabase_django.checkout import CheckoutRefused, CheckoutUnavailable, CheckoutUnknown
from pandabase_django.models import CheckoutSession, Order, Purchase


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def course(pandabase):
    return pandabase.product("Course", price_minor=4900)


def test_the_page_shows_what_is_on_sale(pandabase, client, course):
    pandabase.product("Not yet", status="DRAFT")
    page = client.get("/").content.decode()
    assert "Course" in page
    assert "49.00 USD" in page
    assert "Not yet" not in page


def test_the_button_leads_to_the_checkout_and_the_payment_to_a_seat(pandabase, client, course, ada):
    client.force_login(ada)
    offer = client.get("/").content.decode().partition('name="offer" value="')[2].partition('"')[0]
    answer = client.post("/pandabase/checkout/start/", {"offer": offer}, secure=True)
    session = CheckoutSession.objects.get()
    assert answer.url == session.checkout_url
    assert (session.user, session.purpose) == (ada, "course")

    pandabase.pay(session)
    assert Seat.objects.get().name == "Course"
    assert (
        "it is paid"
        in client.get(f"/pandabase/checkout/{session.public_id}/return/").content.decode()
    )


def test_a_seat_is_the_buyers_alone(pandabase, course, ada, django_user_model):
    eve = django_user_model.objects.create_user("eve", email="ada@example.com")
    pandabase.paid_order(course, user=ada, purpose="course", buyer={"email": "ada@example.com"})
    assert Seat.objects.filter(user=ada).count() == 1
    assert not Seat.objects.filter(user=eve).exists()


def test_two_courses_are_two_seats(pandabase, course, ada):
    other = pandabase.product("Another")
    pandabase.paid_order(course, other, user=ada, purpose="course")
    assert set(Seat.objects.values_list("product_id", flat=True)) == {course.pk, other.pk}


def test_another_purpose_is_none_of_the_courses(pandabase, course, ada):
    pandabase.paid_order(course, user=ada, purpose="gift")
    assert not Seat.objects.exists()


def test_a_declined_card_gives_nothing_and_a_second_try_does(pandabase, course, ada):
    session = pandabase.checkout(course, user=ada, purpose="course")
    assert pandabase.decline(session).status == "FAILED"
    assert not Seat.objects.exists()
    assert pandabase.pay(session).status == "COMPLETED"
    assert Seat.objects.count() == 1


def test_a_slow_payment_gives_a_seat_once_it_is_paid(pandabase, course, ada):
    session = pandabase.checkout(course, user=ada, purpose="course")
    pandabase.pay_slowly(session)
    assert not Seat.objects.exists()
    pandabase.pay(session)
    assert Seat.objects.count() == 1


def test_a_coupon_makes_it_cheaper(pandabase, course, ada):
    session = pandabase.checkout(course, user=ada, purpose="course", coupon_code="WELCOME10")
    assert pandabase.pay(session).payload["payment"]["totalAmount"] == 4410
    assert Seat.objects.count() == 1


def test_what_somebody_else_opened_gives_nothing(pandabase, course, ada):
    mine = pandabase.checkout(course, user=ada, purpose="course")
    (stranger,) = pandabase.remote.change(
        "open_checkout",
        items=[{"name": "Course", "amount": 100, "quantity": 1}],
        metadata={"shop": mine.reference},
    )
    pandabase.remote.change("pay_checkout", id=stranger)
    pandabase.work()
    assert Order.objects.exists()
    assert not Seat.objects.exists()


def test_what_is_not_on_sale_any_more_is_refused(pandabase, course, ada):
    pandabase.remote.change("edit_product", id=course.pk, fields={"status": "ARCHIVED"})
    pandabase.sync("products")
    course.refresh_from_db()
    with pytest.raises(CheckoutRefused):
        pandabase.checkout(course, user=ada)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(429, CheckoutUnavailable), ("unreachable", CheckoutUnavailable), ("lost", CheckoutUnknown)],
)
def test_when_something_goes_wrong_the_buyer_tries_again(pandabase, course, ada, fault, error):
    pandabase.remote.next(fault)
    with pytest.raises(error):
        pandabase.checkout(course, user=ada, purpose="course")
    pandabase.travel(seconds=5)
    pandabase.paid_order(course, user=ada, purpose="course")
    assert Purchase.objects.count() == Seat.objects.count() == 1
