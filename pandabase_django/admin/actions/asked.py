"""What an action was asked with, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.admin.actions.forms import LATER, NOW, WHEN_CANCELLED, WHEN_CHANGED
from pandabase_django.models import RemoteAction
from pandabase_django.services.actions.subjects.refunds import RefundCode
from pandabase_django.texts.intervals import interval_text

__all__ = ["asked_texts"]


def asked_texts(action: RemoteAction) -> list[str]:
    """A line for each parameter, without words about a person."""
    lines = (_line(name, value) for name, value in action.without_words().items())
    return [line for line in lines if line]


def _line(name: str, value: Any) -> str:
    return _LINES[name](value) if name in _LINES else _named(name, value)


def _named(label: str, value: object) -> str:
    return f"{label}: {value}"


def _characters(count: int) -> str:
    return ngettext("%(count)d character", "%(count)d characters", count) % {"count": count}


def _told(code: str) -> str:
    labels: Mapping[str, Any] = dict(RefundCode.choices)
    return str(labels.get(code, code))


_LINES: Mapping[str, Callable[[Any], str]] = {
    "reason": lambda code: _named(_("What Pandabase is told"), _told(code)),
    "immediate": lambda now: str(dict(WHEN_CANCELLED)[NOW if now else LATER]),
    "proration_behavior": lambda when: str(
        dict(WHEN_CHANGED)[LATER if when == "END_OF_PERIOD" else NOW]
    ),
    "product_id": lambda pk: _named(_("Product"), pk),
    "variant_id": lambda pk: _named(_("Variant"), pk),
    "billing_interval": lambda name: _named(_("Interval"), interval_text(name)),
    "quantity": lambda number: _named(_("Quantity"), number),
    "access_activity_log_characters": lambda count: _named(_("Activity log"), _characters(count)),
    # What the next invoice was before: only settling needs it.
    "base_before_minor": lambda _minor: "",
}
