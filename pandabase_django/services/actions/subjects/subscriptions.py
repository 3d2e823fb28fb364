"""Cancelling, pausing, resuming and reactivating subscriptions (Source: P-48, P-50)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.api.client import Client
from pandabase_django.models import RemoteAction, Subscription
from pandabase_django.services.actions.asking import ask
from pandabase_django.services.actions.kinds import Kind, Reading, Shown, refused
from pandabase_django.services.sync.access.refreshing import fetch_subscription

__all__ = [
    "CANCEL",
    "PAUSE",
    "REACTIVATE",
    "RESUME",
    "AnySubscription",
    "cancel_subscription",
    "kind_of_subscriptions",
    "pause_subscription",
    "reactivate_subscription",
    "resume_subscription",
    "status_is",
]

# Of two clocks that do not agree.
CLOCKS_DIFFER = timedelta(minutes=10)
AnySubscription = Subscription | schemas.Subscription


def cancel_subscription(
    subscription: Subscription, *, reason: str, immediate: bool = False, by: Any = None
) -> RemoteAction:
    """Cancel a subscription: at the end of its period, or at once::

        action = cancel_subscription(subscription, reason="Asked by mail.", by=request.user)

    At once, access ends now and open usage is not billed (Source: P-52).

    Args:
        subscription: The subscription.
        reason: Why, in the shop's words; it stays here.
        immediate: At once.
        by: The user who asks; None for the shop's code.

    Raises:
        ActionRefused: It can't be done, by what is known here; ``code`` says why.
        ActionInProgress: What became of another action of it is not known yet.
    """
    parameters = {"immediate": bool(immediate)}
    return ask(CANCEL, subscription, reason=reason, by=by, parameters=parameters)


def pause_subscription(subscription: Subscription, *, reason: str, by: Any = None) -> RemoteAction:
    """Charge nothing until it is resumed. Arguments and errors: see ``cancel_subscription``."""
    return ask(PAUSE, subscription, reason=reason, by=by)


def resume_subscription(subscription: Subscription, *, reason: str, by: Any = None) -> RemoteAction:
    """Charge a paused one again. Arguments and errors: see ``cancel_subscription``."""
    return ask(RESUME, subscription, reason=reason, by=by)


def reactivate_subscription(
    subscription: Subscription, *, reason: str, by: Any = None
) -> RemoteAction:
    """Take back a cancellation that waits for the end of the period.

    Arguments and errors: see ``cancel_subscription``.
    """
    return ask(REACTIVATE, subscription, reason=reason, by=by)


def _goes_on(row: AnySubscription, now: datetime) -> bool:
    """It is cancelled, and its end has not come."""
    return row.status == "CANCELLED" and row.ends_at is not None and row.ends_at > now


def status_is(*statuses: str) -> Callable[[Any, Mapping[str, Any], datetime], None]:
    def check(row: Subscription, parameters: Mapping[str, Any], now: datetime) -> None:
        if row.status not in statuses:
            text = _("This needs a subscription that is %(wanted)s; this one is %(status)s.")
            wanted = ", ".join(statuses)
            raise refused("status", text % {"wanted": wanted, "status": row.status or "?"})

    return check


def _check_cancel(row: Subscription, parameters: Mapping[str, Any], now: datetime) -> None:
    sooner = parameters.get("immediate", True) and _goes_on(row, now)
    if row.status == "CANCELLED" and not sooner:
        raise refused("status", _("It is cancelled already."))


def _check_reactivate(row: Subscription, parameters: Mapping[str, Any], now: datetime) -> None:
    if not _goes_on(row, now):
        text = _("Only a cancellation that waits for the end of its period can be taken back.")
        raise refused("status", text)


def _is_cancelled(row: AnySubscription, action: RemoteAction) -> bool:
    if row.status != "CANCELLED":
        return False
    ended = row.ends_at is None or row.ends_at <= timezone.now() + CLOCKS_DIFFER
    return ended or not action.parameters.get("immediate", False)


def _is(*statuses: str) -> Callable[[AnySubscription, RemoteAction], bool]:
    return lambda row, action: row.status in statuses


def _is_reactivated(row: AnySubscription, action: RemoteAction) -> bool:
    return row.status in ("TRIALING", "ACTIVE", "PAST_DUE") and row.ends_at is None


def _look_by(
    shows: Callable[[AnySubscription, RemoteAction], bool], *, before: tuple[str, ...]
) -> Callable[[Client, RemoteAction], Reading]:
    """Looks at the subscription itself.

    Args:
        shows: Whether it shows the action.
        before: Statuses in which it was not executed.
    """

    def look(client: Client, action: RemoteAction) -> Reading:
        found = client.subscriptions.get(action.object_id)
        if shows(found, action):
            return Reading(Shown.DONE)
        return Reading(Shown.NOT_YET if found.status in before else Shown.UNCLEAR)

    return look


def _reads_rows(
    shows: Callable[[AnySubscription, RemoteAction], bool],
) -> Callable[[RemoteAction], bool]:
    def read_rows(action: RemoteAction) -> bool:
        fetch_subscription(action.store, action.object_id, user_id=action.asked_by_id)
        row = Subscription.objects.filter(pk=action.object_id, store=action.store_id).first()
        return row is None or shows(row, action)

    return read_rows


def kind_of_subscriptions(
    what: RemoteAction.What,
    name: str,
    shows: Callable[[AnySubscription, RemoteAction], bool],
    **parts: Any,
) -> Kind:
    return Kind(
        what=what,
        model=Subscription,
        permission=f"pandabase.{name}_subscription",
        id_name="subscription_id",
        operation=parts.pop("operation", f"subscription_{name}"),
        read_rows=_reads_rows(shows),
        can_be_undone=True,
        **parts,
    )


_What = RemoteAction.What
_ANY = ("TRIALING", "ACTIVE", "PAST_DUE", "PAUSED")

CANCEL = kind_of_subscriptions(
    _What.CANCEL,
    "cancel",
    _is_cancelled,
    check=_check_cancel,
    body=lambda parameters: {"immediate": parameters["immediate"]},
    look=_look_by(_is_cancelled, before=(*_ANY, "CANCELLED")),
)
PAUSE = kind_of_subscriptions(
    _What.PAUSE,
    "pause",
    _is("PAUSED"),
    check=status_is("ACTIVE"),
    look=_look_by(_is("PAUSED"), before=("ACTIVE",)),
)
RESUME = kind_of_subscriptions(
    _What.RESUME,
    "resume",
    _is("ACTIVE", "TRIALING", "PAST_DUE"),
    check=status_is("PAUSED"),
    look=_look_by(_is("ACTIVE", "TRIALING", "PAST_DUE"), before=("PAUSED",)),
)
REACTIVATE = kind_of_subscriptions(
    _What.REACTIVATE,
    "reactivate",
    _is_reactivated,
    check=_check_reactivate,
    look=_look_by(_is_reactivated, before=("CANCELLED",)),
)
