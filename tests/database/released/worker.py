"""Writes orders as this version does, until its input ends; prints how long one took at most."""

from __future__ import annotations

import json
import random
import sys
import threading
import time

import django


def main() -> None:
    from django.db import transaction

    from pandabase_django.models import Order

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    pks = list(Order.objects.order_by("pk").values_list("pk", flat=True)[:200])
    worst, writes = 0.0, 0
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    while not ended.is_set():
        began = time.monotonic()
        with transaction.atomic():
            order = Order.objects.get(pk=random.choice(pks))
            order.save()
            order.pk = f"ord_written_{writes}"
            order.save(force_insert=True)
        worst, writes = max(worst, time.monotonic() - began), writes + 1
        time.sleep(0.01)
    sys.stdout.write(json.dumps({"writes": writes, "worst_seconds": round(worst, 3)}))


if __name__ == "__main__":
    django.setup()
    main()
