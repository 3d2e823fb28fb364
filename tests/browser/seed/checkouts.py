"""Checkouts and what was bought by them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pandabase_django.models import CheckoutSession, HandledFact, Purchase, PurchaseFact
from pandabase_django.services.purchases.reference import metadata_for
from pandabase_django.services.sync.refresh import fetch_order
from tests.browser.seed.remote import change

__all__ = ["fill_checkouts"]


def fill_checkouts(remote: dict[str, Any], store: Any, user: Any) -> None:
    """Checkouts that were paid, paid otherwise, left, and one whose handler fails."""
    lines = [{"name": "Course: first steps", "amount": 4900, "quantity": 1}]
    less = {"total": 100, "amount": 100}
    for number, forged in enumerate(({}, {}, less, {"discount": 4000, "total": 900}, None)):
        session = CheckoutSession(
            store=store,
            state="OPEN",
            user=user if number else None,
            purpose="course",
            context={"course": number},
            items=[{"name": "Course: first steps", "quantity": 1, "price_minor": 4900}],
            currency="USD",
            subtotal_minor=4900,
            expires_at=timezone.now() + timedelta(hours=6),
        )
        metadata = metadata_for(session.reference)
        (session.session_id,) = change(remote, "open_checkout", items=lines, metadata=metadata)
        session.save(force_insert=True)
        if forged is not None:
            paid = change(remote, "pay_checkout", id=session.session_id, **forged)
            fetch_order(store, paid[-1], delivery_id="")
    handed, failing, *_ = Purchase.objects.order_by("pk")
    Purchase.objects.filter(pk=handed.pk).update(
        state="IDLE", last_fact="PAID", next_attempt_at=None
    )
    fact = PurchaseFact.objects.create(purchase=handed, number=1, fact="PAID", state="DONE")
    HandledFact.objects.create(fact=fact, handler="shop.pandabase_events.enrol_in_course")
    Purchase.objects.filter(pk=failing.pk).update(
        attempts=3,
        next_attempt_at=timezone.now() + timedelta(hours=2),
        enqueued_at=None,
        last_error="Raised: shop.pandabase_events.enrol_in_course (LookupError: 'no seat left')",
    )
