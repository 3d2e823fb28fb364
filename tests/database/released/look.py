"""Prints, as JSON, what a database holds: rows that can be read, secrets that open, its schema.

With ``--schema`` its schema alone; with ``--pages`` also which pages of the admin fail on its rows.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import Any

import django

# Django's own reading of SQLite's tables stumbles over a constraint of several columns.
SCHEMA = {
    "sqlite": (
        "SELECT name, type, \"notnull\" FROM pragma_table_info('{table}')",
        "SELECT sql, '', '' FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}'",
    ),
    "postgresql": (
        "SELECT column_name, data_type, concat(character_maximum_length, is_nullable) "
        "FROM information_schema.columns WHERE table_name = '{table}'",
        # A condition that was dumped and read back is written in another way.
        "SELECT split_part(indexdef, ' WHERE ', 1), '', '' FROM pg_indexes "
        "WHERE tablename = '{table}'",
        "SELECT conname, CASE contype WHEN 'c' THEN '' ELSE pg_get_constraintdef(oid) END, '' "
        "FROM pg_constraint "
        "WHERE conrelid = '{table}'::regclass AND contype <> 'n'",
    ),
}


def rows() -> dict[str, int]:
    """How many rows of each table can be read whole, by the models of this version."""
    from django.apps import apps

    every = apps.get_app_config("pandabase").get_models()
    return {model._meta.label: len(list(model._default_manager.iterator())) for model in every}


def secrets() -> dict[str, str]:
    """A digest of each secret at rest, opened with this environment's keys."""
    from django.apps import apps

    from pandabase_django.crypto.fields import SealedField

    found = {}
    for model in apps.get_app_config("pandabase").get_models():
        for field in model._meta.get_fields():
            if not isinstance(field, SealedField):
                continue
            for row in model._default_manager.order_by("pk"):
                if secret := getattr(row, field.name):
                    digest = hashlib.sha256(secret.reveal().encode()).hexdigest()
                    found[f"{model._meta.model_name} {row.pk} {field.name}"] = digest
    return found


def schema() -> dict[str, Any]:
    """Columns, constraints and indexes of the app's tables, in no order."""
    from django.apps import apps
    from django.db import connection

    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for model in apps.get_app_config("pandabase").get_models(include_auto_created=True):
            told = []
            for query in SCHEMA[connection.vendor]:
                cursor.execute(query.format(table=model._meta.db_table))
                told += [" ".join(map(str, row)) for row in cursor.fetchall()]
            if connection.vendor == "sqlite":
                told += sorted(_checks(cursor, model._meta.db_table))
            found[model._meta.db_table] = sorted(told)
    return found


def _checks(cursor: Any, table: str) -> list[str]:
    cursor.execute(f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'")
    return re.findall(r'CONSTRAINT "\w+" [A-Z]+', cursor.fetchone()[0])


def pages() -> dict[str, int]:
    """Pages of the admin, a list and a row of each model, that are not answered by 200."""
    from django.contrib import admin
    from django.contrib.admin.utils import quote
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.filter(is_superuser=True)[0])
    found = {}
    for model in admin.site._registry:
        if model._meta.app_label != "pandabase":
            continue
        name = f"admin:pandabase_{model._meta.model_name}"
        urls = [reverse(f"{name}_changelist")]
        if (row := model._default_manager.order_by("pk").first()) is not None:
            urls.append(reverse(f"{name}_change", args=[quote(str(row.pk))]))
        found.update({url: client.get(url).status_code for url in urls})
    return {url: status for url, status in found.items() if status != 200}


if __name__ == "__main__":
    django.setup()
    seen: dict[str, Any] = {"schema": schema()}
    if "--schema" not in sys.argv:
        seen |= {"rows": rows(), "secrets": secrets()}
    if "--pages" in sys.argv:
        seen["pages"] = pages()
    sys.stdout.write(json.dumps(seen))
