"""Customers who are users of the shop, and one who was erased."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from pandabase_django.access import link_customer, unlink_customer
from pandabase_django.models import Customer, Erasure, Store
from pandabase_django.services.people.erasing import erase_person

__all__ = ["erase_somebody", "link_customers"]


def link_customers(store: Store, by: Any) -> None:
    """A link that holds, and one that was taken back."""
    first, second, *_ = Customer.objects.live().order_by("pk")
    ada, ben = (User.objects.create_user(name) for name in ("ada", "ben"))
    link_customer(ada, first, reason="Showed the invoice.", by=by)
    wrong = link_customer(ben, second, reason="Asked for it by mail.", by=by)
    unlink_customer(wrong, reason="It was another person.", by=by)


def erase_somebody(store: Store, by: Any) -> None:
    """Erase the person whose rows nothing else here needs."""
    person = Customer.objects.live().exclude(email="").order_by("-pk")[0]
    erase_person(store, person.email, source=Erasure.Source.ADMIN, user=by)
