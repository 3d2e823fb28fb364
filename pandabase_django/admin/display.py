"""How money, payloads and missing relations are shown."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

__all__ = [
    "EMPTY",
    "badge",
    "duration",
    "health_tone",
    "major_units",
    "moment",
    "money",
    "money_text",
    "payload",
]

EMPTY = "-"
HEALTH_TONES = {"OK": "good", "SUSPECT": "bad"}

# ISO 4217: currencies whose smallest unit is not a hundredth.
EXPONENTS = {
    currency: exponent
    for exponent, currencies in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    )
    for currency in currencies.split()
}


def major_units(minor: int | None, currency: str) -> Decimal | None:
    """Minor units as the amount they are: 1234 is 12.34 USD, 1234 JPY and 1.234 KWD."""
    if minor is None:
        return None
    return Decimal(minor).scaleb(-EXPONENTS.get(currency.upper(), 2))


def money_text(minor: int | None, currency: str) -> str:
    """An amount of minor units as people read it; a dash when it is not known."""
    amount = major_units(minor, currency)
    if amount is None:
        return EMPTY
    exponent = EXPONENTS.get(currency.upper(), 2)
    text = number_format(amount, decimal_pos=exponent, use_l10n=True, force_grouping=True)
    return f"{text} {currency}".strip()


def money(minor: int | None, currency: str) -> str:
    """The same for a page; right-aligned in a table."""
    if minor is None:
        return EMPTY
    return format_html('<span class="pandabase-money">{}</span>', money_text(minor, currency))


def badge(text: str, *, tone: str) -> str:
    """A status as text in a border; the tone only adds to it.

    Args:
        text: What it says.
        tone: ``good``, ``bad``, ``warn``, ``busy`` or ``quiet``.
    """
    return format_html('<span class="pandabase-badge pandabase-{}">{}</span>', tone, text)


def health_tone(health: str) -> str:
    """The tone of a token's health."""
    return HEALTH_TONES.get(health, "quiet")


def duration(seconds: float) -> str:
    """A time span, as precise as its length makes useful."""
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": number_format(round(seconds, 1), use_l10n=True)}
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


def moment(value: datetime | None) -> str:
    """A time to the second, narrow and sortable by eye; a dash when it is not known."""
    return EMPTY if value is None else localtime(value).strftime("%Y-%m-%d %H:%M:%S")


def payload(value: Any, *, title: str = "") -> str:
    """JSON, folded under a title: by default that it is as it was received."""
    return format_html(
        '<details><summary>{}</summary><pre class="pandabase-payload">{}</pre></details>',
        title or _("As received"),
        json.dumps(value, indent=2, ensure_ascii=False),
    )
