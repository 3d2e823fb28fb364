"""A token whose last test failed on the way there says so."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("pandabase", "0014_one_usable_token_id"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="health",
            field=models.CharField(
                choices=[
                    ("UNTESTED", "Untested"),
                    ("OK", "OK"),
                    ("SUSPECT", "Suspect"),
                    ("FAILED", "Test failed"),
                ],
                default="UNTESTED",
                editable=False,
                max_length=16,
                verbose_name="health",
            ),
        ),
    ]
