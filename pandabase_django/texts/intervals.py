"""How often a subscription is charged, in words."""

from __future__ import annotations

from django.utils.translation import pgettext

__all__ = ["interval_text"]


def interval_text(interval: str) -> str:
    """The remote's word for it in the active language; one that is not known stays as it is."""
    return {
        "WEEKLY": pgettext("interval", "weekly"),
        "MONTHLY": pgettext("interval", "monthly"),
        "YEARLY": pgettext("interval", "yearly"),
    }.get(interval, interval)
