"""Relations between mirrored rows: soft, and never across stores.

Ids come from a remote, and nothing keeps a remote from naming another store's. The column keeps
what it named; the relation leads to a row of the same store or to None, in attributes, joins,
filters over joins, ``select_related`` and ``prefetch_related``, in both directions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.fields.related_descriptors import (
    ForwardManyToOneDescriptor,
    ReverseManyToOneDescriptor,
)
from django.db.models.lookups import Exact
from django.utils.functional import cached_property

__all__ = ["LinkKey", "SoftForeignKey"]

_ST = TypeVar("_ST")
_GT = TypeVar("_GT")

if TYPE_CHECKING:
    _Forward = ForwardManyToOneDescriptor[Any]
    _Reverse = ReverseManyToOneDescriptor[Any]
else:
    _Forward = ForwardManyToOneDescriptor
    _Reverse = ReverseManyToOneDescriptor


class _RowOfTheSameStore(_Forward):
    """None where the row is missing, or another store's."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        try:
            found: Any = super().__get__(instance, cls)
        except ObjectDoesNotExist:
            self.field.set_cached_value(instance, None)
            return None
        return found if found is None or found.store_id == instance.store_id else None


class _RowsOfTheSameStore(_Reverse):
    """The rows of the same store alone."""

    @cached_property
    def related_manager_cls(self) -> Any:
        manager: Any = super().related_manager_cls

        class SameStore(manager):  # type: ignore[misc]
            def _apply_rel_filters(self, queryset: Any) -> Any:
                rows = super()._apply_rel_filters(queryset)
                return rows.filter(store=self.instance.store_id)

            def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> Any:
                rows, of_row, of_instance, *rest = super().get_prefetch_querysets(
                    instances, querysets
                )
                return rows, _with_store(of_row), _with_store(of_instance), *rest

        return SameStore


class SoftForeignKey(models.ForeignKey[_ST, _GT]):
    """A foreign key of one mirrored row to another, without a constraint.

    It has no index of its own: what is looked up has a plain one in ``Meta`` (``MirrorRow``).
    """

    forward_related_accessor_class = _RowOfTheSameStore
    related_accessor_class = _RowsOfTheSameStore

    def __init__(self, to: Any, *, null: bool = False, **options: Any) -> None:
        options.setdefault("on_delete", models.DO_NOTHING)
        options.setdefault("db_constraint", False)
        options.setdefault("db_index", False)
        super().__init__(to, null=null, **options)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs  # a column like any other

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """What a join asks for beside the id."""
        ours: Any = self.model._meta.get_field("store")
        return Exact(ours.get_col(related_alias), _store_named_by(self, alias, related_alias))


class LinkKey(models.ForeignKey[_ST, _GT]):
    """One of the two keys of a table of links, whose rows have no store of their own.

    Args:
        other: Name of the other key.
    """

    def __init__(self, *args: Any, other: str = "", **kwargs: Any) -> None:
        self.other = other
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """Links between two stores join nothing."""
        if not self.other:
            return None  # as migrations know it
        other: Any = self.model._meta.get_field(self.other)
        return Exact(
            _store_named_by(self, alias, related_alias),
            _store_named_by(other, None, related_alias),
        )


class _StoreOfRow(models.Func):
    """The store of the row that an id names, whatever table the query itself reads."""

    arity = 1

    def __init__(self, key: models.ForeignKey[Any, Any], column: Any) -> None:
        self.named: Any = key.related_model
        super().__init__(column, output_field=models.CharField())

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **_context: Any
    ) -> tuple[str, Any]:
        quote, meta = connection.ops.quote_name, self.named._meta
        row, column = quote("named_row"), quote(meta.get_field("store").column)
        id_sql, params = compiler.compile(self.get_source_expressions()[0])
        found = f"SELECT {row}.{column} FROM {quote(meta.db_table)} {row}"  # noqa: S608  names alone
        return f"({found} WHERE {row}.{quote(meta.pk.column)} = {id_sql})", params


def _store_named_by(key: models.ForeignKey[Any, Any], alias: Any, related_alias: Any) -> Any:
    """The store of the row that a key names.

    Args:
        key: The key.
        alias: The table of that row; None when the query has left it out, as ``exclude`` does.
        related_alias: The table of the key itself.
    """
    if alias is None:
        return _StoreOfRow(key, key.get_col(related_alias))
    store: Any = key.related_model._meta.get_field("store")
    return store.get_col(alias)


def _with_store(value_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda row: (value_of(row), row.store_id)
