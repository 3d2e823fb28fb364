"""A store with a token and some mirrored rows, and people with different rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.test import Client

from pandabase_django.models import ApiToken, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource
from tests.admin.outside import Outside
from tests.admin.rights.enumeration import model_admins
from tests.admin.rows import row_of
from tests.connecting import connect

Login = Callable[..., Client]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=9, products=60, orders=60) as running:
        yield running


@pytest.fixture
def token(db: None, sandbox: Sandbox) -> ApiToken:
    cache.clear()
    return connect(sandbox, name="Main")


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


@pytest.fixture
def rows(db: None, sandbox: Sandbox) -> dict[str, Any]:
    """One row of each registered model, of one store at the sandbox."""
    cache.clear()
    ContentType.objects.clear_cache()
    store = Store.objects.create(pk=sandbox.store_id, title="Shown shop")
    made = {
        name: row_of(model_admin.model, store=store, mark="shown")
        for name, model_admin in model_admins().items()
    }
    # A token's seal names its URL: only the other columns move.
    ApiToken.objects.update(base_url=sandbox.url)
    return made


@pytest.fixture
def outside(sandbox: Sandbox, broker: Any) -> Outside:
    return Outside(sandbox)
