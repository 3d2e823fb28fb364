"""What is said when a checkout can't be opened: one sentence to the shop, and one to the buyer."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from django.utils.translation import gettext as _

from pandabase_django.api.masking import MASK, mask
from pandabase_django.exceptions import (
    APIError,
    CheckoutError,
    CheckoutRefused,
    CheckoutUnavailable,
    CheckoutUnknown,
    ObjectNotFound,
    PandabaseError,
)
from pandabase_django.models import Store
from pandabase_django.services.tokens.holding import held_back

__all__ = ["error_for", "refused", "refused_here"]

LEAST_HIDDEN_CHARACTERS = 3  # a country's code is in many words

# Each is asked for when it is needed: then the reader's language is active.
_FOR_BUYERS: dict[str, Callable[[], str]] = {
    "not_on_sale": lambda: _("This is not on sale any more."),
    "out_of_stock": lambda: _("This is sold out."),
    "price_changed": lambda: _("The price has changed. Reload the page to see it."),
    "quantity": lambda: _("Choose another number of pieces."),
    "items": lambda: _("These items can't be bought together. Try them one by one."),
    "subscription_alone": lambda: _("A subscription has to be bought by itself."),
    "total": lambda: _("The total is too small or too large for one purchase."),
    "coupon": lambda: _("This coupon can't be used here."),
    "held_back": lambda: _("Nothing can be bought here: this shop only shows what it sells."),
    "by_remote": lambda: _(
        "The checkout did not accept this. Reload the page, and check a coupon code."
    ),
}


def refused(code: str, message: str) -> CheckoutRefused:
    """A refusal; a buyer who can do nothing about it reads that the shop has to.

    Args:
        code: A fixed word.
        message: One sentence for the shop.
    """
    for_buyer = _FOR_BUYERS.get(code)
    said = for_buyer() if for_buyer else _("This can't be bought right now. Please tell the shop.")
    return CheckoutRefused(message, code=code, for_buyer=said)


def refused_here(store: Store) -> CheckoutRefused | None:
    """Why nothing of a store can be bought in this deployment; None where it can.

    Ask it also before a buyer is led to a session that was opened before: in a copy of a shop, it
    is the shop's own.
    """
    if not store.enabled:
        return refused("store", f"The store {store.pk} is disabled here. Enable it in the admin.")
    held = held_back(store.pk)
    return None if held is None else refused("held_back", str(held))


def error_for(error: PandabaseError, *, hidden: Collection[str] = ()) -> CheckoutError:
    """What a failed request means to whoever wanted to sell something by it.

    Raise it outside of ``except``: frames of the request hold what was sent.

    Args:
        error: Of the request.
        hidden: What was sent about the buyer; the remote may repeat it.
    """
    message = _without(hidden, mask(str(error)))
    wait = error.retry_after_seconds
    later = _("The checkout can't be reached right now. Please try again in a moment.")
    if error.outcome_unknown:
        text = f"Whether the checkout was opened is not known. It is safe to ask again. {message}"
        return CheckoutUnknown(text, code="unknown", for_buyer=later)
    if error.retryable:
        return CheckoutUnavailable(
            message, code="unavailable", for_buyer=later, retry_after_seconds=wait
        )
    if isinstance(error, ObjectNotFound):
        return refused("not_on_sale", f"Pandabase knows no such store or product: {message}")
    if isinstance(error, APIError):
        return refused("by_remote", f"Pandabase refused the checkout: {message}")
    return refused("answer", f"Pandabase's answer can't be used: {message}")


def _without(hidden: Collection[str], text: str) -> str:
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= LEAST_HIDDEN_CHARACTERS:
            text = re.sub(re.escape(value), MASK, text, flags=re.IGNORECASE)
    return text
