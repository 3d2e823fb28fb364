from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pandabase", "0030_checkouts_by_state"),
    ]

    operations = [
        migrations.RenameField(model_name="purchase", old_name="told", new_name="last_fact"),
        migrations.AlterField(
            model_name="purchase",
            name="last_fact",
            field=models.CharField(
                blank=True,
                choices=[
                    ("PAID", "Paid"),
                    ("REVERSED", "Refunded or charged back"),
                    ("RESTORED", "Paid again after a dispute"),
                ],
                default="",
                help_text="What handlers were called for last.",
                max_length=16,
                verbose_name="last fact",
            ),
        ),
    ]
