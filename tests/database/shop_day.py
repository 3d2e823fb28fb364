"""What a shop does in a day, in one process; prints as JSON what was not as it should be."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import django

__all__ = ["main"]


def main(sandbox_url: str, secret: str, token_id: str, store_id: str) -> list[str]:
    """Add a token, sync, compare, rotate, take a delivery in, and open the admin's pages."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections
    from django.test import Client
    from django.urls import reverse

    from pandabase_django.crypto.secret import Secret
    from pandabase_django.models import ApiToken, Order, SyncRun, WebhookDelivery, WebhookEndpoint
    from pandabase_django.services.rotation import request_rotation, run_rotation
    from pandabase_django.services.sync.compare import audit
    from pandabase_django.services.sync.runs import sync_resource
    from pandabase_django.services.tokens.connection import add_token
    from pandabase_django.services.webhooks.process import process_delivery
    from tests.webhooks.sender import payload_of, sign_v2

    wrong: list[str] = []

    def must(claim: Any, what: str) -> None:
        if not claim:
            wrong.append(what)

    for alias in connections:
        call_command("migrate", database=alias, verbosity=0, skip_checks=False)
    call_command("check", databases=list(connections), stdout=io.StringIO())
    token = add_token(
        store_id=store_id, mode="HMAC", secret=Secret(secret), token_id=token_id,
        base_url=sandbox_url,
    )  # fmt: skip
    store = token.store

    def sync_all(when: str) -> None:
        for resource in ("products", "orders", "request_logs"):
            run = sync_resource(store, resource=resource, trigger=SyncRun.Trigger.COMMAND).run
            must(run.state == "COMPLETED", f"{when}, {resource}: {run.state} {run.error}")

    sync_all("first")
    sync_all("second")
    for resource in ("products", "orders"):
        found = audit(store, resource=resource, full=True)
        must(found.equal, f"audit of {resource}: {found}")
    attempt = run_rotation(request_rotation(token, reason="a new day", trigger="COMMAND").pk)
    must(attempt.state == "DONE", f"rotation: {attempt.state} {attempt.outcome}")
    token.refresh_from_db()
    must(token.secret_version == 2, "refresh_from_db gave the row as it was")
    must(ApiToken.objects.get().secret.reveal() != secret, "the old secret was read")
    sync_all("after the rotation")

    signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    endpoint = WebhookEndpoint.objects.create(store=store, label="Shop", secret=Secret(signing))
    order = Order.objects.filter(status="COMPLETED").first()
    must(order is not None and order.items.count(), "no order was read back")
    sent = sign_v2(payload_of(order_id=order.pk), secret=signing)
    answer = sent.post(reverse("pandabase:webhook", args=[endpoint.pk]))
    must(answer.status_code == 200, f"a delivery was answered {answer.status_code}")
    delivery = WebhookDelivery.objects.get()
    process_delivery(delivery.pk)
    delivery.refresh_from_db()
    must(delivery.state == "PROCESSED", f"delivery: {delivery.state} {delivery.last_error}")

    client = Client()
    client.force_login(User.objects.create_superuser("somebody"))
    change = reverse("admin:pandabase_apitoken_change", args=[token.pk])
    pages = {
        change: token.secret_hint,
        reverse("admin:pandabase_order_changelist"): order.order_number,
        reverse("admin:pandabase_order_export"): order.order_number,
        reverse("admin:pandabase_order_change", args=[order.pk]): order.order_number,
        reverse("admin:pandabase_syncrun_changelist"): "",
        reverse("admin:index"): "",
    }
    for url, shown in pages.items():
        page = client.get(url)
        body = b"".join(page.streaming_content) if page.streaming else page.content
        must(page.status_code == 200 and shown in body.decode(), f"{url}: {page.status_code}")
    tested = client.post(reverse("admin:pandabase_apitoken_test", args=[token.pk]))
    must(tested.status_code == 302, f"the test's button: {tested.status_code}")
    renamed = {"name": "Renamed", "preset": "", "declared": []}
    must(client.post(change, renamed).status_code == 302, "a token can't be saved")
    must(ApiToken.objects.get().name == "Renamed", "a token was not saved")
    return wrong


if __name__ == "__main__":
    django.setup()
    json.dump(main(*sys.argv[1:]), sys.stdout)
