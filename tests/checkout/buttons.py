"""The button of a shop's page, and a buyer who presses it."""

from __future__ import annotations

import re
from typing import Any

from django.template import Context, Template
from django.test import Client
from django.urls import reverse

__all__ = ["button", "offer_in", "press"]


def button(item: Any, options: str = "") -> str:
    text = "{% load pandabase %}{% pandabase_checkout_button item " + options + " %}"
    return Template(text).render(Context({"item": item, "csrf_token": "tok"}))


def offer_in(html: str) -> str:
    found = re.search(r'name="offer" value="([^"]+)"', html)
    assert found
    return found[1]


def press(client: Client, html: str) -> Any:
    return client.post(reverse("pandabase:checkout-start"), {"offer": offer_in(html)}, secure=True)
