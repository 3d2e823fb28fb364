"""A token with a secret at rest."""

from __future__ import annotations

import pytest

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Store

PLAIN = "sk_test_canary_5d1f0c7ab2"


@pytest.fixture
def token(db: None) -> ApiToken:
    store = Store.objects.create(id="shp_seal")
    made = ApiToken(
        store=store,
        name="Sealed",
        mode="BEARER",
        base_url="https://api.pandabase.io",
        secret=Secret(PLAIN),
        role="ACTIVE",
    )
    made.save()
    return ApiToken.objects.get(pk=made.pk)
