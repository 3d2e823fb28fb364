"""Pages that only a buyer sees: decorator, mixin, filter and permission class."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import path
from django.views import View
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from pandabase_django.access import AccessRequiredMixin, Reason, access_required
from pandabase_django.access.rest import HasAccess
from pandabase_django.models import Product, Store
from tests.access.rows import buy, product
from tests.unstorable import refusing_nul

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [
    path("buy/<path:product_id>/", lambda request, product_id: HttpResponse(), name="buy")
]


@pytest.fixture
def sold(db: None) -> Product:
    return product(Store.objects.create(pk="shp_1"), "prd_course")


@pytest.fixture
def buyer(sold: Product) -> User:
    user = User.objects.create(username="buyer")
    buy(sold, user=user, verdict="MATCHED", standing="IN_FORCE")
    return user


def asked_by(user: Any) -> HttpRequest:
    request = RequestFactory().get("/lesson/?part=2")
    request.user = user
    return request


def lesson(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    assert request.access.reason == Reason.BOUGHT  # type: ignore[attr-defined]
    return HttpResponse("lesson")


async def async_lesson(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return lesson(request, **kwargs)


class Lesson(AccessRequiredMixin, View):
    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return lesson(request)


class AsyncLesson(AccessRequiredMixin, View):
    async def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return lesson(request)


def in_turn(view: Any) -> Any:
    def call(request: HttpRequest, **kwargs: Any) -> Any:
        # In this thread, as a server does it: its connection sees the test's rows.
        return async_to_sync(view)(request, **kwargs)

    return call


WAYS = {
    "decorator": lambda **more: access_required(**more)(lesson),
    "class": lambda buy_at="": Lesson.as_view(access_buy_at=buy_at),
    "async decorator": lambda **more: in_turn(access_required(**more)(async_lesson)),
    "async class": lambda buy_at="": in_turn(AsyncLesson.as_view(access_buy_at=buy_at)),
}


@pytest.fixture(params=WAYS)
def protected(request: pytest.FixtureRequest) -> Any:
    return WAYS[request.param]


def test_only_a_buyer_sees_the_page(protected: Any, sold: Product, buyer: User) -> None:
    view = protected()
    assert view(asked_by(buyer), product_id=sold.pk).content == b"lesson"
    stranger = User.objects.create(username="stranger")
    with pytest.raises(PermissionDenied, match="Not bought"):
        view(asked_by(stranger), product_id=sold.pk)
    answer = protected(buy_at="buy")(asked_by(stranger), product_id=sold.pk)
    assert (answer.status_code, answer.url) == (302, "/buy/prd_course/")
    answer = view(asked_by(AnonymousUser()), product_id=sold.pk)
    assert (answer.status_code, answer.url) == (
        302,
        "/accounts/login/?next=/lesson/%3Fpart%3D2",
    )
    for unknown in ("prd_nobody_knows", "a\x00b", "\ud800"):
        with refusing_nul(), pytest.raises(Http404):
            view(asked_by(buyer), product_id=unknown)
    with pytest.raises(ImproperlyConfigured):
        view(asked_by(buyer), another_part=sold.pk)


def test_a_view_names_its_product(sold: Product, buyer: User) -> None:
    views = (
        access_required(sold.pk)(lesson),
        access_required(lambda request, **kwargs: sold)(lesson),
        access_required(lambda request, **kwargs: sold.pk)(lesson),
        access_required(argument="course")(lesson),
        Lesson.as_view(access_product=sold.pk),
        Lesson.as_view(access_argument="course"),
    )
    for view in views:
        assert view(asked_by(buyer), course=sold.pk).status_code == 200
        answer = view(asked_by(AnonymousUser()), course=sold.pk)
        assert answer.status_code == 302


def test_a_template_asks(sold: Product, buyer: User) -> None:
    template = Template(
        "{% load pandabase %}{% if user|has_access:product %}yes{% else %}no{% endif %}"
    )
    for user, said in ((buyer, "yes"), (AnonymousUser(), "no"), (None, "no")):
        assert template.render(Context({"user": user, "product": sold})) == said


class ByAddress(APIView):
    permission_classes = [HasAccess]

    def get(self, request: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse("lesson")


class ByName(ByAddress):
    access_product = "prd_course"


class ByObject(ByAddress):
    access_argument = None

    def get(self, request: Any, **kwargs: Any) -> HttpResponse:
        self.check_object_permissions(request, Product.objects.get(pk="prd_course"))
        return HttpResponse("lesson")


@pytest.mark.parametrize(
    ("view", "address"),
    [(ByAddress, {"product_id": "prd_course"}), (ByName, {}), (ByObject, {})],
)
def test_the_rest_framework_asks(
    sold: Product, buyer: User, view: type[APIView], address: dict[str, str]
) -> None:
    def status(user: Any) -> tuple[int, Any]:
        request = APIRequestFactory().get("/")
        force_authenticate(request, user)
        answer = view.as_view()(request, **address)
        return answer.status_code, getattr(answer, "data", None)

    assert status(buyer) == (200, None)
    found, data = status(User.objects.create(username="stranger"))
    assert (found, str(data["detail"])) == (403, "Not bought")
    if address:
        address["product_id"] = "a\x00b"
        with refusing_nul():
            assert status(buyer)[0] == 404


def test_a_rest_view_that_names_no_product_lets_nobody_in(buyer: User) -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, buyer)
    with pytest.raises(ImproperlyConfigured):
        ByAddress.as_view()(request)


def test_nor_does_one_whose_objects_are_no_products(buyer: User) -> None:
    class OfAUser(ByObject):
        def get(self, request: Any, **kwargs: Any) -> HttpResponse:
            self.check_object_permissions(request, buyer)
            return HttpResponse("lesson")

    request = APIRequestFactory().get("/")
    force_authenticate(request, buyer)
    with pytest.raises(ImproperlyConfigured, match="User is no product"):
        OfAUser.as_view()(request)
    OfAUser.access_product = "prd_course"
    assert OfAUser.as_view()(request).status_code == 200
