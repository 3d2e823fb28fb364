"""What the shop's own handler writes. No constraint: a call too many must show."""

from __future__ import annotations

from django.db import models


class Call(models.Model):
    """One call of the handler."""

    event_id = models.CharField(max_length=200)
    order_id = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.event_id}: {self.order_id}"
