from __future__ import annotations

from django.db import migrations, models

from tests.database.next_version import LAST


class Migration(migrations.Migration):
    dependencies = [("pandabase", LAST)]
    operations = [
        migrations.AddField("order", "example_note", models.TextField(null=True)),
        migrations.AddField("order", "example_count", models.IntegerField(db_default=0)),
    ]
