"""Operations for migrations that are applied while the site runs (``migrations/README.md``)."""

from __future__ import annotations

from typing import Any

from django.db import migrations

__all__ = ["AddIndexOnline", "RemoveIndexOnline"]


class _Online:
    """On PostgreSQL without a lock that keeps writers out; elsewhere as Django has it.

    Django's own operation works on PostgreSQL alone. The migration needs ``atomic = False``.
    """

    atomic = False

    @staticmethod
    def options(schema_editor: Any) -> dict[str, bool]:
        return {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}

    def _add(self, label: str, editor: Any, state: Any, index: Any) -> None:
        model = state.apps.get_model(label, self.model_name)  # type: ignore[attr-defined]
        if self.allow_migrate_model(editor.connection.alias, model):  # type: ignore[attr-defined]
            editor.add_index(model, index, **self.options(editor))

    def _remove(self, label: str, editor: Any, state: Any, index: Any) -> None:
        model = state.apps.get_model(label, self.model_name)  # type: ignore[attr-defined]
        if self.allow_migrate_model(editor.connection.alias, model):  # type: ignore[attr-defined]
            editor.remove_index(model, index, **self.options(editor))


class AddIndexOnline(_Online, migrations.AddIndex):
    """``AddIndex`` beside writers."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        self._add(app_label, schema_editor, to_state, self.index)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        self._remove(app_label, schema_editor, from_state, self.index)


class RemoveIndexOnline(_Online, migrations.RemoveIndex):
    """``RemoveIndex`` beside writers."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model_state = from_state.models[app_label, self.model_name_lower]
        index = model_state.get_index_by_name(self.name)
        self._remove(app_label, schema_editor, from_state, index)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model_state = to_state.models[app_label, self.model_name_lower]
        index = model_state.get_index_by_name(self.name)
        self._add(app_label, schema_editor, to_state, index)
