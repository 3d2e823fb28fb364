"""Sheds indexes that nothing asks for, without touching a row.

``AlterField`` would check every foreign key anew on PostgreSQL and copy every table on SQLite, and
``AddIndex`` would build again what is there under another name. Done by hand, it takes no time.
"""

import django.db.models.deletion
from django.db import migrations, models

# By model: the column of each foreign key, and the name of the one index that it keeps, if any.
KEPT = {
    "category": {"store_id": None, "parent_id": "pandabase_category_parent"},
    "customer": {"store_id": None},
    "order": {"store_id": None, "customer_id": "pandabase_order_customer"},
    "orderitem": {
        "store_id": None,
        "order_id": "pandabase_item_order",
        "product_id": "pandabase_item_product",
        "variant_id": "pandabase_item_variant",
    },
    "product": {"store_id": None},
    "productvariant": {"store_id": None, "product_id": "pandabase_variant_product"},
}


def shed(apps, schema_editor):
    """Keep at most one index of each column, under its new name."""
    connection = schema_editor.connection
    quote = connection.ops.quote_name
    for model_name, columns in KEPT.items():
        table = apps.get_model("pandabase", model_name)._meta.db_table
        with connection.cursor() as cursor:
            there = connection.introspection.get_constraints(cursor, table)
        for column, name in columns.items():
            for found in _plain_indexes(there, column):
                if found == name:
                    continue
                if connection.vendor == "postgresql" and name and not found.endswith("_like"):
                    schema_editor.execute(f"ALTER INDEX {quote(found)} RENAME TO {quote(name)}")
                    continue
                schema_editor.execute(f"DROP INDEX {quote(found)}")
            if name and connection.vendor != "postgresql" and name not in there:
                schema_editor.execute(
                    f"CREATE INDEX {quote(name)} ON {quote(table)} ({quote(column)})"
                )


def _plain_indexes(there, column):
    return [
        name
        for name, about in there.items()
        if about["index"] and not about["unique"] and about["columns"] == [column]
    ]


class Migration(migrations.Migration):

    dependencies = [
        ('pandabase', '0010_postponed_runs'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(shed, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name='category',
                    name='parent',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='children', to='pandabase.category', verbose_name='parent'),
                ),
                migrations.AlterField(
                    model_name='category',
                    name='store',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pandabase.store', verbose_name='store'),
                ),
                migrations.AlterField(
                    model_name='customer',
                    name='store',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pandabase.store', verbose_name='store'),
                ),
                migrations.AlterField(
                    model_name='order',
                    name='customer',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='orders', to='pandabase.customer', verbose_name='customer'),
                ),
                migrations.AlterField(
                    model_name='order',
                    name='store',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pandabase.store', verbose_name='store'),
                ),
                migrations.AlterField(
                    model_name='orderitem',
                    name='order',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='items', to='pandabase.order', verbose_name='order'),
                ),
                migrations.AlterField(
                    model_name='orderitem',
                    name='product',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='order_items', to='pandabase.product', verbose_name='product'),
                ),
                migrations.AlterField(
                    model_name='orderitem',
                    name='store',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pandabase.store', verbose_name='store'),
                ),
                migrations.AlterField(
                    model_name='orderitem',
                    name='variant',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='order_items', to='pandabase.productvariant', verbose_name='variant'),
                ),
                migrations.AlterField(
                    model_name='product',
                    name='store',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pandabase.store', verbose_name='store'),
                ),
                migrations.AlterField(
                    model_name='productvariant',
                    name='product',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='variants', to='pandabase.product', verbose_name='product'),
                ),
                migrations.AlterField(
                    model_name='productvariant',
                    name='store',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pandabase.store', verbose_name='store'),
                ),
                migrations.AddIndex(
                    model_name='category',
                    index=models.Index(fields=['parent'], name='pandabase_category_parent'),
                ),
                migrations.AddIndex(
                    model_name='order',
                    index=models.Index(fields=['customer'], name='pandabase_order_customer'),
                ),
                migrations.AddIndex(
                    model_name='orderitem',
                    index=models.Index(fields=['order'], name='pandabase_item_order'),
                ),
                migrations.AddIndex(
                    model_name='orderitem',
                    index=models.Index(fields=['product'], name='pandabase_item_product'),
                ),
                migrations.AddIndex(
                    model_name='orderitem',
                    index=models.Index(fields=['variant'], name='pandabase_item_variant'),
                ),
                migrations.AddIndex(
                    model_name='productvariant',
                    index=models.Index(fields=['product'], name='pandabase_variant_product'),
                ),
            ],
        ),
    ]
