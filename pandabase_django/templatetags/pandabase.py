"""``{% load pandabase %}``: prices, a button that buys, the vendor's checkout inside a page, and
who may use what.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import RequestContext
from django.urls import reverse
from django.utils.translation import get_language

from pandabase_django.conf import conf
from pandabase_django.models import CheckoutSession, Product, ProductVariant
from pandabase_django.services.access.answers import has_access as services_has_access
from pandabase_django.services.checkout.embedding import MODES, script_address
from pandabase_django.services.checkout.offers import Offer
from pandabase_django.services.checkout.refusals import refused_here
from pandabase_django.texts.amounts import money_text

__all__ = ["register"]

register = template.Library()


@register.filter
def money(minor: int | None, currency: str = "") -> str:
    """``{{ product.price_minor|money:product.currency }}``: "12.34 USD", "1,234 JPY"."""
    return money_text(minor, currency)


@register.filter
def has_access(user: Any, product: Product) -> bool:
    """``{% if user|has_access:product %}``: whether this user may use it; two queries."""
    return services_has_access(user, product)


@register.inclusion_tag("pandabase/checkout/button.html", takes_context=True)
def pandabase_checkout_button(
    context: RequestContext,
    item: Product | ProductVariant,
    *,
    quantity: int = 1,
    purpose: str = "",
    data: Any = None,
    mode: str = "",
    label: str = "",
    css_class: str = "",
) -> dict[str, Any]:
    """A form with a button that opens a checkout for this item.

    It can't be pressed where ``PANDABASE["READ_ONLY"]`` is set. In another environment than the
    store's it can, and leads to a page that says why nothing is sold: each button would ask the
    database.

    What is sold, for which purpose and at which price travels signed: the buyer can't change it.

    Args:
        context: The template's; it needs ``csrf_token``.
        item: A product, or one of its variants.
        quantity: Pieces.
        purpose: What ``@on_paid`` handlers are found by.
        data: The shop's own JSON, ``purchase.context`` for handlers. It is signed and can be read.
        mode: "" leads to the vendor's page; ``modal``, ``drawer``, ``overlay`` or ``inline`` to one
            of this site that shows the checkout within.
        label: Text of the button.
        css_class: Class of the button.
    """
    if mode and mode not in MODES:
        raise template.TemplateSyntaxError(f"mode is one of {', '.join(MODES)}, or left out.")
    offer = Offer.of(item, quantity=quantity, purpose=purpose, context=data, mode=mode)
    return {
        "action": reverse("pandabase:checkout-start"),
        "offer": offer.signed(),
        "sold_out": item.in_stock is False,
        "closed": conf.read_only,
        "label": label,
        "css_class": css_class,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("pandabase/checkout/script.html", takes_context=True)
def pandabase_checkout_script(
    context: RequestContext,
    session: CheckoutSession,
    *,
    mode: str = "modal",
    container: str = "",
    nonce: str = "",
    locale: str = "",
    theme: str = "",
) -> dict[str, Any]:
    """The vendor's script, and what opens this session with it.

    When the payment was made or is under way, the page goes on to the session's return address.
    Where this deployment must not sell, it is a sentence that says so.

    Args:
        context: The template's; a nonce is taken from ``csp_nonce`` or ``request.csp_nonce``.
        session: An open session.
        mode: ``modal``, ``drawer``, ``overlay`` or ``inline``.
        container: Selector of the element that holds an ``inline`` checkout.
        nonce: For a policy that asks for one.
        locale: Such as ``de``; the active language by default.
        theme: ``light`` or ``dark``; the reader's own by default.
    """
    if mode not in MODES:
        raise template.TemplateSyntaxError(f"mode is one of {', '.join(MODES)}.")
    refusal = refused_here(session.store)
    if refusal is not None:
        return {"closed": refusal.for_buyer}
    request = context.get("request")
    return {
        "script": script_address(session.store),
        "session": session,
        "mode": mode,
        "container": container,
        "nonce": nonce or context.get("csp_nonce") or getattr(request, "csp_nonce", "") or "",
        "locale": locale or get_language() or "",
        "theme": theme,
    }
