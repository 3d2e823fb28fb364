"""A process of the shop that is asked line by line, and answers each line with one of JSON.

A line is a list: a word of those below and its arguments. An exception is an answer too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

    from django.db import close_old_connections
    from django.db.models import Count
    from django.urls import reverse

    from demo_project.comparison import compare
    from demo_project.shop.models import Licence
    from demo_project.site import make_people
    from matrix_shop.celery import app  # noqa: F401  (the broker of the settings)
    from matrix_shop.models import Call
    from pandabase_django.api.webhooks.payload import EVENT_TYPES
    from pandabase_django.database import write_alias
    from pandabase_django.models import (
        ApiToken,
        HandledFact,
        Order,
        Purchase,
        RotationAttempt,
        Store,
        SyncRun,
        WebhookDelivery,
        WebhookEndpoint,
    )
    from pandabase_django.services.rotation import request_rotation
    from pandabase_django.tasks import rotate_secret, sync_store

    def endpoint() -> str:
        made = WebhookEndpoint.objects.create(
            store=Store.objects.get(), label="Shop", event_types=list(EVENT_TYPES)
        )
        return reverse("admin:pandabase_webhookendpoint_change", args=[made.pk])

    def sync() -> None:
        sync_store.delay(Store.objects.get().pk)

    def runs(after: int) -> list[list[Any]]:
        found = SyncRun.objects.filter(pk__gt=after).order_by("pk")
        return [list(row) for row in found.values_list("pk", "resource", "state", "trigger")]

    def paid() -> list[str]:
        found = Order.objects.paid().order_by("-created_at")
        return list(found.values_list("pk", flat=True))

    def order(pk: str) -> list[Any]:
        return [Order.objects.get(pk=pk).status, Call.objects.filter(order_id=pk).count()]

    def rotate() -> str:
        token = ApiToken.objects.get(role=ApiToken.Role.ACTIVE)
        attempt = request_rotation(token, reason="the matrix", trigger="COMMAND")
        rotate_secret.delay(str(attempt.pk))
        return str(attempt.pk)

    def rotation(pk: str) -> list[Any]:
        attempt = RotationAttempt.objects.select_related("token").get(pk=pk)
        return [attempt.state, attempt.token.secret_version, attempt.outcome]

    def deliveries() -> dict[str, int]:
        counted = WebhookDelivery.objects.order_by().values_list("state")
        return dict(counted.annotate(Count("pk")))

    def handed() -> dict[str, int]:
        """What handlers did, once each: calls and events of refunds, facts and licences sold."""
        alias = write_alias()
        calls = Call.objects.using(alias)
        return {
            "calls": calls.count(),
            "events": calls.values("event_id").distinct().count(),
            "purchases": Purchase.objects.count(),
            "facts": HandledFact.objects.count(),
            "licences": Licence.objects.using(alias).count(),
        }

    def differences(control_url: str) -> list[str]:
        return [
            f"{found.kind} {key}: {difference}"
            for found in compare(control_url)
            for key, difference in found.differing.items()
        ]

    words: dict[str, Callable[..., Any]] = {
        function.__name__: function
        for function in (
            *(endpoint, sync, runs, paid, order, rotate, rotation, deliveries, handed, differences),
            make_people,
        )
    }
    for line in sys.stdin:
        word, *arguments = json.loads(line)
        close_old_connections()  # as every server does between requests
        try:
            answer: Any = {"said": words[word](*arguments)}
        except Exception as error:  # noqa: BLE001  the caller judges
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()
