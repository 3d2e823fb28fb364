"""The shop of the actions' own tests, behind the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from tests.actions.conftest import REASON, _no_writers, running, shop

__all__ = ["VIEWS", "_no_writers", "post", "running", "shop", "url"]

VIEWS = ("view_order", "view_dispute", "view_subscription", "view_remoteaction")


def url(row: Any, page: str = "change") -> str:
    return reverse(f"admin:pandabase_{row._meta.model_name}_{page}", args=[quote(str(row.pk))])


def post(client: Client, address: str, **data: str) -> Any:
    page = client.get(address)
    nonce = page.context["form"]["nonce"].initial if page.status_code == 200 else ""
    return client.post(address, {"nonce": nonce, "reason": REASON, **data})
