"""The shop of the actions' own tests, behind the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.urls import reverse

from tests.actions.conftest import _no_writers, running, shop

__all__ = ["_no_writers", "running", "shop", "url"]


def url(row: Any, page: str = "change") -> str:
    return reverse(f"admin:pandabase_{row._meta.model_name}_{page}", args=[quote(str(row.pk))])
