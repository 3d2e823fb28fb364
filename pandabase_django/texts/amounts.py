"""Amounts of minor units as people read them.

The table of exponents is our own: it says how the remote counts, which a library of formats does
not. Digits are grouped and pointed as Django's formats of the active language say.
"""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import number_format

__all__ = ["EMPTY", "major_units", "money_text"]

EMPTY = "-"

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
