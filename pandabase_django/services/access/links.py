"""Links customers to users: a person's decision, or an e-mail address that the shop has verified.

A link gives a user what others' payments bought, so it is never made by what a payment says. Each
is a row that stays: who decided it, when and why, and who took it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.module_loading import import_string

from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import Customer, CustomerLink
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.reasons import kept_reason

__all__ = ["link_customer", "link_verified_emails", "unlink_customer", "verified_emails_of"]

logger = get_logger(__name__)

Source = CustomerLink.Source


def link_customer(
    user: Any,
    customer: Customer,
    *,
    reason: str,
    by: Any = None,
    source: CustomerLink.Source = Source.PERSON,
) -> CustomerLink:
    """Give a user what a customer has bought, and will buy.

    Args:
        user: The user.
        customer: The customer, of one store.
        reason: Why, for the history. No personal data belongs into it: it outlives an erasure.
        by: Who decided; None is the shop's own code.
        source: What it rests on.

    Returns:
        The link; the one that is there when the two are linked already.

    Raises:
        ValueError: There is no reason, no saved user, or the customer is linked to another user:
            take that back first.
    """
    reason = kept_reason(reason)
    if not reason:
        raise ValueError("Linking a customer needs a reason for its history.")
    if user is None or user.pk is None:
        raise ValueError("Only a saved user can be linked.")
    links = CustomerLink.objects.in_force().filter(customer=customer, store=customer.store_id)
    try:
        with transaction.atomic():
            known = links.first()
            if known is None:
                link = CustomerLink.objects.create(
                    store_id=customer.store_id,
                    customer=customer,
                    user=user,
                    linked_by=by,
                    source=source,
                    reason=reason,
                )
                logger.info(
                    "Customer %s was linked to user %s.",
                    customer.pk,
                    user.pk,
                    extra=facts(store=customer.store_id),
                )
                return link
    except IntegrityError:
        known = links.first()  # somebody was faster
        if known is None:
            raise
    if known.user_id != user.pk:
        raise ValueError("This customer is linked to another user: take that link back first.")
    return known


def unlink_customer(link: CustomerLink, *, reason: str, by: Any = None) -> bool:
    """Take a link back: from now on the user has nothing by it. It is never made again by itself.

    Args:
        link: The link.
        reason: Why, for the history.
        by: Who decided; None is the shop's own code.

    Returns:
        False when somebody had taken it back before.

    Raises:
        ValueError: There is no reason.
    """
    reason = kept_reason(reason)
    if not reason:
        raise ValueError("Taking a link back needs a reason for its history.")
    rows = CustomerLink.objects.filter(pk=link.pk, ended_at=None)
    ended = rows.update(ended_at=timezone.now(), ended_by=by, end_reason=reason)
    if ended:
        logger.info(
            "Customer %s was unlinked from user %s.",
            link.customer_id,
            link.user_id,
            extra=facts(store=link.store_id),
        )
    return bool(ended)


def verified_emails_of(user: Any) -> list[str]:
    """The addresses that the shop has verified to be this user's; [] when no setting names how.

    Raises:
        ConfigurationError: ``VERIFIED_EMAILS`` names nothing that can be called.
    """
    path = conf.verified_emails
    if path is None:
        return []
    try:
        found = import_string(path)
    except ImportError:
        raise ConfigurationError(
            f'PANDABASE["VERIFIED_EMAILS"]: {path} can not be imported.'
        ) from None
    if not callable(found):
        raise ConfigurationError(f'PANDABASE["VERIFIED_EMAILS"]: {path} is no function.')
    ask: Callable[[Any], Iterable[str]] = found
    return [email.strip() for email in ask(user) if isinstance(email, str) and email.strip()]


def _spellings(email: str) -> tuple[str, ...]:
    """What an index finds it by: as it is, in small letters, and as telephones begin a text."""
    small = email.lower()
    return email, small, small[:1].upper() + small[1:], small.upper()


def link_verified_emails(user: Any) -> list[CustomerLink]:
    """Link the customers whose e-mail address the shop has verified to be this user's.

    Called at each sign-in; call it as well when an address was just confirmed. A customer who is
    linked to anybody, or whose link to this user was taken back by somebody, stays as is.

    Returns:
        The new links.

    Raises:
        ConfigurationError: ``VERIFIED_EMAILS`` names nothing that can be called.
    """
    emails = verified_emails_of(user)
    if user is None or user.pk is None or not emails:
        return []
    spellings = {spelling for email in emails for spelling in _spellings(email)}
    decided = CustomerLink.objects.filter(user=user.pk) | CustomerLink.objects.in_force()
    customers = (
        Customer.objects.live()
        .filter(email__in=spellings)
        .exclude(pk__in=decided.values("customer_id"))
        .order_by("pk")
    )
    made = []
    for customer in customers:
        try:
            link = link_customer(
                user,
                customer,
                reason="The shop has verified the e-mail address.",
                source=Source.VERIFIED_EMAIL,
            )
        except ValueError:
            continue  # somebody linked it meanwhile
        made.append(link)
    return made
