from django.db import migrations, models

from pandabase_django.database.operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("pandabase", "0029_a_fact_keeps_its_purchase"),
    ]

    operations = [
        AddIndexOnline(
            model_name="checkoutsession",
            index=models.Index(
                fields=["state", "-created_at", "-reference"], name="pandabase_checkout_state"
            ),
        ),
        AddIndexOnline(
            model_name="purchase",
            index=models.Index(fields=["verdict", "-id"], name="pandabase_purchase_verdict"),
        ),
    ]
