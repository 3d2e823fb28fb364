"""What the app does. Services own transactions and locks; edges call exactly one of them.

A shop's own code starts here::

    from pandabase_django.services import client_for

    with client_for(store) as client:
        for product in client.products.iterate(status="ACTIVE"):
            ...
"""

from __future__ import annotations

from pandabase_django.services.books.closing import Closing
from pandabase_django.services.books.month import Month
from pandabase_django.services.books.reading import close_month
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.tokens.aio import async_client_for
from pandabase_django.services.tokens.clients import client_for

__all__ = [
    "Closing",
    "Month",
    "async_client_for",
    "client_for",
    "close_month",
    "erase_person",
]
