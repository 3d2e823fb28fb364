"""The pages work in an admin of another name, alone or beside Django's, and lead to no other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.admin.conftest import Login
from tests.admin.outside import Outside
from tests.admin.rights.enumeration import pages

pytestmark = [pytest.mark.thorough, pytest.mark.django_db]


@pytest.fixture
def client(login: Login) -> Client:
    client = login(superuser=True)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("urls", "own", "other"),
    [
        ("tests.admin.sites.backoffice_alone_urls", "/backoffice/", "/admin/"),
        ("tests.admin.sites.backoffice_urls", "/backoffice/", "/admin/"),
        ("tests.admin.sites.backoffice_urls", "/admin/", "/backoffice/"),
    ],
)
def test_every_page_stays_in_its_own_admin(
    client: Client,
    rows: dict[str, Any],
    outside: Outside,
    settings: Any,
    method: str,
    urls: str,
    own: str,
    other: str,
) -> None:
    found = pages()
    settings.ROOT_URLCONF = urls
    wrong, opened = [], 0
    for page in found:
        owner = page.model_admin.model._meta.model_name if page.model_admin else "store"
        url = page.url(rows[str(owner)]).replace("/admin/", own, 1)
        answer = getattr(client, method)(url)
        body = str(answer.getvalue(), "utf-8", "replace")
        links = {answer.headers.get("Location", ""), *re.findall(r"""["'](/[^"']+)["']""", body)}
        strange = sorted(link for link in links if link.startswith(other))
        if answer.status_code >= 500 or strange:
            wrong.append((page.name, answer.status_code, strange))
        opened += answer.status_code == 200
    assert wrong == []
    assert opened > len(found) / 4 or method == "post"
