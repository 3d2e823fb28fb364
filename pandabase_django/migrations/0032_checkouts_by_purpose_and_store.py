from django.db import migrations, models

from pandabase_django.database.operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("pandabase", "0031_last_fact"),
    ]

    operations = [
        AddIndexOnline(
            model_name="checkoutsession",
            index=models.Index(
                fields=["purpose", "-created_at", "-reference"], name="pandabase_checkout_purpose"
            ),
        ),
        AddIndexOnline(
            model_name="checkoutsession",
            index=models.Index(
                fields=["store", "-created_at", "-reference"], name="pandabase_checkout_of_store"
            ),
        ),
        AddIndexOnline(
            model_name="purchase",
            index=models.Index(fields=["store", "-id"], name="pandabase_purchase_of_store"),
        ),
    ]
