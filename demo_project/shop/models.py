"""What the shop hands out."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models

from pandabase_django.models import Purchase

__all__ = ["Licence"]


def new_key() -> str:
    """Four groups of four characters."""
    return "-".join(secrets.token_hex(2).upper() for _ in range(4))


class Licence(models.Model):
    """A key for one product that was bought.

    A real shop would have a constraint on purchase and product. This one has none, so that a
    handler which is called twice would show: ``demo --once`` counts.
    """

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="licences")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    product_name = models.CharField(max_length=500)
    key = models.CharField(max_length=19, default=new_key)
    handed_out_at = models.DateTimeField(auto_now_add=True)
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.key} ({self.product_name})"
