"""The two calls of the Checkout API. Source: P-36."""

from __future__ import annotations

from pandabase_django.sandbox.checkout.bodies import checked_estimate
from pandabase_django.sandbox.checkout.pricing import EU, priced_lines, quote
from pandabase_django.sandbox.checkout.sessions import (
    line_forms,
    merchant_form,
    open_session,
    session_form,
)
from pandabase_django.sandbox.checkout.visit import Visit
from pandabase_django.sandbox.http.wire import Response, success

__all__ = ["create_checkout", "estimate_checkout"]

_GLOBAL = ("CARD", "APPLE_PAY", "GOOGLE_PAY")
_OF_EUROPE = (
    "IDEAL",
    "BANCONTACT",
    "MULTIBANCO",
    "MB_WAY",
    "EPS",
    "PRZELEWY24",
    "BLIK",
    "AMAZON_PAY",
)
_OF_COUNTRIES = {
    "US": ("CASHAPP", "AMAZON_PAY", "WECHAT_PAY", "ALIPAY"),
    "GB": ("CASHAPP", *_OF_EUROPE),
    "BR": ("PIX",),
    "IN": ("UPI",),
    "KR": ("NAVER_PAY", "KAKAO_PAY", "PAYCO", "SAMSUNG_PAY"),
}


def create_checkout(visit: Visit) -> Response:
    """Open a session. Anybody may."""
    settings = visit.services.settings
    session = open_session(visit.state, visit.request.json(exact=True), settings=settings)
    form = session_form(visit.state, session, settings=settings, origin=visit.request.origin)
    return success(form, status=201)


def estimate_checkout(visit: Visit) -> Response:
    """Prices with coupon and tax; nothing is opened."""
    state, settings = visit.state, visit.services.settings
    body = checked_estimate(visit.request.json(exact=True), least_item=settings.least_item_cents)
    lines = priced_lines(state, body["items"])
    country = body["country"]
    asked = quote(
        state,
        lines,
        coupon_code=body.get("coupon_code", ""),
        country=country,
        region=body.get("state", ""),
        tax_id=body.get("tax_id", ""),
        tax_included=settings.tax_included,
    )
    coupon = asked.coupon
    discount = coupon and {
        "code": coupon.code,
        "amount": asked.discount,
        "type": "PERCENTAGE" if coupon.type == "PERCENTAGE" else "FIXED_AMOUNT",
        "value": coupon.value,
    }
    methods = _OF_COUNTRIES.get(country, _OF_EUROPE if country in EU else ())
    return success(
        {
            "merchant": merchant_form(state),
            "subtotal": asked.subtotal,
            "discount": discount,
            "tax": {"rate": asked.tax_percent / 100, "amount": asked.tax},
            "total": asked.total,
            "items": line_forms(lines),
            "available_payment_methods": [*_GLOBAL, *methods],
        }
    )
