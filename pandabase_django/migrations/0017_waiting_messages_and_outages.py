"""Messages that wait for a worker, hosts that do not answer, tasks that do not run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pandabase", "0016_oldest_details"),
    ]

    operations = [
        migrations.CreateModel(
            name="RemoteOutage",
            fields=[
                (
                    "host",
                    models.CharField(
                        max_length=255, primary_key=True, serialize=False, verbose_name="host"
                    ),
                ),
                ("since", models.DateTimeField(verbose_name="since")),
                ("last_tried_at", models.DateTimeField(verbose_name="last tried")),
                ("next_try_at", models.DateTimeField(verbose_name="next try")),
                ("failures", models.PositiveIntegerField(default=1, verbose_name="failures")),
                ("error", models.TextField(default="", verbose_name="error")),
                (
                    "scopes",
                    models.JSONField(
                        default=list,
                        help_text="Store and resource of each sync that failed.",
                        verbose_name="scopes",
                    ),
                ),
                ("everywhere", models.BooleanField(default=False, verbose_name="everywhere")),
            ],
            options={
                "verbose_name": "outage",
                "verbose_name_plural": "outages",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="synccursor",
            name="asked_waits_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="synccursor",
            name="full_waits_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="synccursor",
            name="scheduled_waits_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="tasktick",
            name="missed_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="tasktick",
            name="at",
            field=models.DateTimeField(null=True, verbose_name="last ran"),
        ),
    ]
