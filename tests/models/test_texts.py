"""What a row is called in a traceback asks no database: it may be the database that fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model

from pandabase_django.models import Store
from tests.admin.rows import row_of

MODELS = [
    model
    for model in apps.get_app_config("pandabase").get_models()
    if model.__name__ not in ("RemoteOutage", "TaskTick", "ErasureKey", "RefusedDeliveries")
]


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_repr_of_a_row_asks_nothing(model: type[Model], django_assert_num_queries: Any) -> None:
    made = row_of(model, store=Store.objects.create(pk="shp_1"), mark="x")
    row = model._default_manager.get(pk=made.pk)
    with django_assert_num_queries(0):
        shown = repr(row)
    assert shown == f"<{model.__name__}: …{str(row.pk)[-6:]}>"
