"""Changing what is subscribed to, and what the next renewal charges (Source: P-50, P-58)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.api.client import Client
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import Product, RemoteAction, Subscription
from pandabase_django.services.actions.asking import ask
from pandabase_django.services.actions.kinds import Reading, Shown, refused
from pandabase_django.services.actions.subjects.subscriptions import (
    AnySubscription,
    kind_of_subscriptions,
    status_is,
)
from pandabase_django.services.tokens.clients import client_for

__all__ = ["CHANGE_PLAN", "INTERVALS", "change_plan", "upcoming_invoice"]

INTERVALS = ("WEEKLY", "MONTHLY", "YEARLY")
MAX_QUANTITY = 100_000
# Parameters of a change that the subscription shows afterwards, under the same names.
_SHOWN = ("product_id", "billing_interval", "quantity")


def upcoming_invoice(subscription: Subscription) -> schemas.UpcomingInvoice:
    """Ask what the next renewal charges, with the usage that is open.

    Args:
        subscription: The subscription, of an enabled store.

    Returns:
        Amounts in minor units of ``currency`` (Source: P-58).

    Raises:
        PandabaseError: It could not be asked, or there is no next renewal.
        ConfigurationError: The store has no active token.
    """
    with client_for(subscription.store, hurried=True) as client:
        return client.subscriptions.upcoming_invoice(subscription.pk)


def change_plan(
    subscription: Subscription,
    *,
    reason: str,
    product: Product | str | None = None,
    variant_id: str = "",
    billing_interval: str = "",
    quantity: int | None = None,
    at_period_end: bool = False,
    by: Any = None,
) -> RemoteAction:
    """Change what is subscribed to. What is not given stays.

    What costs more is charged at once, in proportion; what costs less, and what is asked for
    ``at_period_end``, comes with the next renewal (Source: P-50).

    Args:
        subscription: The subscription.
        reason: Why, in the shop's words; it stays here.
        product: Another product of the store, or its id.
        variant_id: A variant of it.
        billing_interval: WEEKLY, MONTHLY or YEARLY.
        quantity: 1 to 100,000.
        at_period_end: Not before the next renewal.
        by: The user who asks; None for the shop's code.

    Raises:
        ActionRefused: It can't be done, by what is known here; ``code`` says why.
        ActionInProgress: What became of another action of it is not known yet.
    """
    given = {
        "product_id": product.pk if isinstance(product, Product) else product,
        "variant_id": variant_id or None,
        "billing_interval": billing_interval or None,
        "quantity": quantity,
        "proration_behavior": "END_OF_PERIOD" if at_period_end else "IMMEDIATELY",
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    return ask(CHANGE_PLAN, subscription, reason=reason, by=by, parameters=parameters)


def _check_change(row: Subscription, parameters: Mapping[str, Any], now: datetime) -> None:
    status_is("TRIALING", "ACTIVE")(row, parameters, now)
    if not parameters:
        return  # asked before anything was chosen
    wanted = {name: value for name, value in parameters.items() if name != "proration_behavior"}
    quantity = wanted.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise refused("quantity", _("The quantity is a whole number."))
    if not 1 <= quantity <= MAX_QUANTITY:
        text = _("The quantity is 1 to %(most)d.")
        raise refused("quantity", text % {"most": MAX_QUANTITY})
    if all(name in _SHOWN and _shows(row, name, value) for name, value in wanted.items()):
        raise refused("nothing", _("This changes nothing."))
    product = wanted.get("product_id")
    if product is not None:
        rows = Product.objects.live().filter(pk=product, store=row.store_id)
        if not rows.exists():
            raise refused("product", _("The store has no such product."))
    if wanted.get("billing_interval", INTERVALS[0]) not in INTERVALS:
        text = _("The interval is one of these: %(names)s")
        raise refused("interval", text % {"names": ", ".join(INTERVALS)})


def _shows(row: AnySubscription, name: str, value: Any) -> bool:
    return bool(getattr(row, name) == value)


def _is_changed(row: AnySubscription, action: RemoteAction) -> bool:
    asked = {name: action.parameters[name] for name in _SHOWN if name in action.parameters}
    return bool(asked) and all(_shows(row, name, value) for name, value in asked.items())


def _note_invoice(client: Client, action: RemoteAction) -> dict[str, Any]:
    """What the next renewal would charge before the change: a planned one shows there alone."""
    try:
        invoice = client.subscriptions.upcoming_invoice(action.object_id)
    except PandabaseError:
        return {}  # a change can be made without it; only a lost answer is harder to settle
    return {"base_before_minor": invoice.base_minor}


def _look_for_change(client: Client, action: RemoteAction) -> Reading:
    found = client.subscriptions.get(action.object_id)
    # No subscription shows its variant.
    if "variant_id" not in action.parameters and _is_changed(found, action):
        return Reading(Shown.DONE)
    before = action.parameters.get("base_before_minor")
    base = client.subscriptions.upcoming_invoice(action.object_id).base_minor
    if before is None or base is None:
        return Reading(Shown.UNCLEAR)
    wanted = _base_once_changed(found, action)
    if base == before:
        # Where both prices are the same, it would be so either way.
        return Reading(Shown.UNCLEAR if wanted in (None, before) else Shown.NOT_YET)
    if base == wanted:
        text = _("Its answer was lost. The next renewal charges what was asked for.")
        return Reading(Shown.DONE, words=text)
    text = _("The next renewal charges another amount than before, and not surely by this change.")
    return Reading(Shown.UNCLEAR, words=text)


def _base_once_changed(found: schemas.Subscription, action: RemoteAction) -> int | None:
    """What the next renewal charges once the change is made; None where that can't be told."""
    asked = action.parameters
    quantity = asked.get("quantity", found.quantity)
    # What a variant or another interval costs, a product's price does not say.
    if quantity is None or "variant_id" in asked or "billing_interval" in asked:
        return None
    if "product_id" in asked:
        rows = Product.objects.filter(pk=asked["product_id"], store=action.store_id)
        product = rows.filter(currency=found.currency).first()
        if product is None or product.price_minor is None:
            return None
        return int(product.price_minor * quantity)
    if not found.quantity or found.amount_minor is None:
        return None
    wanted, rest = divmod(found.amount_minor * quantity, found.quantity)
    return None if rest else int(wanted)


def _shows_soon(row: AnySubscription, action: RemoteAction) -> bool:
    """Whether the row shows the change, or will not before the next renewal."""
    later = action.parameters.get("proration_behavior") == "END_OF_PERIOD"
    return later or _is_changed(row, action)


CHANGE_PLAN = kind_of_subscriptions(
    RemoteAction.What.CHANGE_PLAN,
    "change_plan",
    _shows_soon,
    operation="subscription_change",
    check=_check_change,
    body=lambda parameters: {
        name: value for name, value in parameters.items() if name != "base_before_minor"
    },
    note_before=_note_invoice,
    look=_look_for_change,
)
