from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("pandabase", "0032_checkouts_by_purpose_and_store"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="ledgerentry",
            options={
                "ordering": ["-created_at", "-id"],
                "permissions": [("close_ledgerentry", "Can close months of the books")],
                "verbose_name": "ledger entry",
                "verbose_name_plural": "ledger entries",
            },
        ),
    ]
