from __future__ import annotations

from django.db import migrations, models

from pandabase_django.database.operations import AddIndexOnline, RemoveIndexOnline
from pandabase_django.models import Order


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("pandabase", "9001_columns")]
    operations = [
        AddIndexOnline(
            "order", models.Index(fields=["store", "example_count"], name="pandabase_example")
        ),
        RemoveIndexOnline("order", Order._meta.indexes[0].name),
    ]
