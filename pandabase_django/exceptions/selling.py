"""Checkouts, and actions after the sale."""

from __future__ import annotations

from typing import Any

from pandabase_django.exceptions.base import PandabaseError

__all__ = [
    "ActionError",
    "ActionInProgress",
    "ActionRefused",
    "CheckoutError",
    "CheckoutRefused",
    "CheckoutUnavailable",
    "CheckoutUnknown",
    "UsageConflict",
]


class ActionError(PandabaseError):
    """An action after the sale was not recorded. Nothing was sent."""


class ActionRefused(ActionError):
    """It can't be done, by what is known here.

    Attributes:
        code: A fixed word for why.
    """

    code: str = ""


class ActionInProgress(ActionError):
    """It is not known yet what became of another action of the same object."""

    action_id: Any = None
    """Primary key of that one."""


class CheckoutError(PandabaseError):
    """A checkout was not opened, or its price not estimated. The message is for the shop.

    Attributes:
        code: A fixed word for why.
        for_buyer: One sentence for the page, in the language that was active.
    """

    code: str = ""
    for_buyer: str = ""


class CheckoutRefused(CheckoutError):
    """It can't be opened as it was asked for: by what is known here, or by the remote."""


class CheckoutUnavailable(CheckoutError):
    """Nothing was opened: the remote could not be asked, or asks for patience."""

    retryable = True


class CheckoutUnknown(CheckoutError):
    """The answer got lost. If a session was opened, nobody knows its address: ask again."""

    retryable = True


class UsageConflict(PandabaseError, ValueError):
    """A key of usage is known, with another quantity or time; nothing was recorded."""
