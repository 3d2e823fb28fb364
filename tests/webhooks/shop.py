"""A shop in a process of its own, told line by line what to do.

Its words are ``new``, ``same`` and ``forged`` (a delivery; prints its status), and ``rows`` (prints
how many are stored, and how many of them are noted as enqueued). Run as a module.
"""

from __future__ import annotations

import itertools
import json
import sys

import django

if __name__ == "__main__":
    django.setup()

    from django.core.management import call_command
    from django.db import close_old_connections
    from django.test import Client

    from pandabase_django.crypto.secret import Secret
    from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
    from tests.webhooks.sender import SECRET, payload_of, sign_v2
    from tests.worker import app  # noqa: F401  (the broker of the settings)

    call_command("migrate", verbosity=0)
    store, _ = Store.objects.get_or_create(pk="shp_outages")
    endpoint = WebhookEndpoint.objects.create(store=store, secret=Secret(SECRET))
    url = f"/pandabase/webhooks/{endpoint.pk}"
    client = Client(raise_request_exception=False)
    numbers = itertools.count()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        word = line.strip()
        close_old_connections()  # as every server does between requests; the test client does not
        if word == "rows":
            rows = WebhookDelivery.objects.values_list("enqueued_at", flat=True)
            answer = json.dumps([len(rows), sum(at is not None for at in rows)])
        else:
            event_id = "evt_same" if word == "same" else f"evt_{next(numbers)}"
            delivery = sign_v2(payload_of(event_id=event_id))
            if word == "forged":
                delivery.body += b" "
            answer = str(delivery.post(url, client).status_code)
        print(answer, flush=True)  # noqa: T201
