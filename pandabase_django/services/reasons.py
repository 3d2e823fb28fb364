"""What a person gives as a reason, as the history keeps it."""

from __future__ import annotations

from pandabase_django.api.masking import mask
from pandabase_django.printable import storable

__all__ = ["kept_reason"]


def kept_reason(reason: str) -> str:
    """The text without secrets, which people paste, and without what no database keeps.

    A database's own error would show the text, which may be about a person.
    """
    return mask(storable(reason)).strip()
