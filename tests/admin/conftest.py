"""A store with a token and some mirrored rows, and people with different rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.connection import add_token
from pandabase_django.services.sync.runs import sync_resource

Login = Callable[..., Client]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=9, products=60, orders=60) as running:
        yield running


@pytest.fixture
def token(db: None, sandbox: Sandbox) -> ApiToken:
    cache.clear()
    given = sandbox.hmac_token
    return add_token(
        store_id=sandbox.store_id,
        mode="HMAC",
        secret=Secret(given.secret),
        token_id=given.token_id,
        name="Main",
        base_url=sandbox.url,
    )


@pytest.fixture
def mirrored(token: ApiToken) -> ApiToken:
    for resource in ("products", "orders"):
        sync_resource(token.store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
    return token


@pytest.fixture
def login(db: None) -> Login:
    def log_in(*codenames: str, superuser: bool = False, staff: bool = True) -> Client:
        number = User.objects.count()
        user = User.objects.create_user(f"user{number}", is_staff=staff, is_superuser=superuser)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return log_in
