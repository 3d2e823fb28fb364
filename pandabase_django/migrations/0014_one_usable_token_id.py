"""One token in use per store, address and token id.

Of several rows with one token id the one that is likeliest to work stays; the others are disabled and
say so. Nothing is deleted: a person can install the right secret, or enable another one instead.
"""

from typing import Any

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

REASON = "Disabled by the upgrade: another token had the same token id and is in use."


def disable_namesakes(apps: Any, schema_editor: Any) -> None:
    tokens = apps.get_model("pandabase", "ApiToken").objects.using(schema_editor.connection.alias)
    attempts = apps.get_model("pandabase", "RotationAttempt").objects.using(
        schema_editor.connection.alias
    )
    usable = tokens.exclude(token_id="").exclude(role="RETIRED").defer("secret")
    places = usable.order_by().values_list("store_id", "base_url", "token_id")
    several = places.annotate(rows=models.Count("pk")).filter(rows__gt=1)
    for store_id, base_url, token_id, _rows in several:
        rows = list(usable.filter(store_id=store_id, base_url=base_url, token_id=token_id))
        rows.sort(key=_likeliest_first)
        kept, others = rows[0], [row.pk for row in rows[1:]]
        was_active = tokens.filter(pk__in=others, role="ACTIVE").exists()
        tokens.filter(pk__in=others).update(role="RETIRED", health_reason=REASON)
        attempts.filter(token__in=others, closed_at__isnull=True).update(
            closed_at=timezone.now(), outcome=REASON, phase=""
        )
        if was_active:
            tokens.filter(pk=kept.pk).update(role="ACTIVE")


def _likeliest_first(row: Any) -> tuple[bool, bool, float]:
    set_at = row.secret_set_at or row.added_at
    return row.health == "SUSPECT", row.role != "ACTIVE", -set_at.timestamp()


class Migration(migrations.Migration):

    dependencies = [
        ("pandabase", "0013_unread_orders"),
    ]

    operations = [
        migrations.RunPython(disable_namesakes, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.UniqueConstraint(
                condition=~Q(token_id="") & ~Q(role="RETIRED"),
                fields=("store", "base_url", "token_id"),
                name="pandabase_one_usable_token_id",
                violation_error_message="Another token in use has this token id.",
            ),
        ),
    ]
