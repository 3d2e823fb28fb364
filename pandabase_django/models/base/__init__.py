"""What all models of the app share: they are read where they are written.

A replica may lag by seconds. A lease, a secret or a checkpoint read from one is an old one, and
what a sync has just written would look as if it were missing. ``using()`` still names any database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db import models, router
from django.db.models.signals import class_prepared

__all__ = [
    "Column",
    "PandabaseModel",
    "Relation",
    "Words",
    "WriterManager",
    "WriterQuerySet",
    "manager_of",
]

V = TypeVar("V")
M = TypeVar("M", bound=models.Model, covariant=True)
Q = TypeVar("Q", bound="models.QuerySet[Any]")


class WriterQuerySet(models.QuerySet[M]):
    """Reads where it is written, unless ``using()`` names another database."""

    @property
    def db(self) -> str:
        # As Django's own does once a queryset is to write.
        named: str | None = self._db  # type: ignore[attr-defined]
        hints: dict[str, Any] = self._hints  # type: ignore[attr-defined]
        return named or router.db_for_write(self.model, **hints)


class WriterManager(models.Manager[M]):
    """Gives such querysets. A class with a name, since the stubs' plugin finds no other one."""

    def get_queryset(self) -> WriterQuerySet[M]:
        hints: dict[str, Any] = self._hints  # type: ignore[attr-defined]
        return WriterQuerySet(self.model, using=self._db, hints=hints)


def manager_of(queryset: type[Q]) -> Q:
    """A manager with the methods of a queryset; checkers take it for the queryset itself.

    The stubs' plugin knows what ``as_manager`` gives, and nobody else does.
    """
    return cast("Q", queryset.as_manager())


if TYPE_CHECKING:
    # The stubs' plugin gives each model its managers, and loses them behind a base of ours.
    from django.db.models import Model as PandabaseModel
    from django.utils.functional import _StrPromise

    # What a column holds: without the plugin, no checker sees that a field is null.
    Column = models.Field[V, V]
    Relation = models.ForeignKey[V, V]
    # A text for people.
    Words = str | _StrPromise
else:
    Column = Relation = Words = Any

    class PandabaseModel(models.Model):
        """A model whose manager ``objects`` gives a ``WriterQuerySet``; relations use it too."""

        class Meta:
            abstract = True

        def __repr__(self) -> str:
            # Not by __str__, which names the store: a traceback's locals must ask no database. Nor
            # the whole id: that of a session or an endpoint is not for everybody who reads a log.
            return f"<{type(self).__name__}: …{str(self.pk)[-6:]}>"

        def clean_fields(self, exclude: Collection[str] | None = None) -> None:
            # Django looks for the related row where the router says that it is read.
            there = {
                field.name
                for field in self._meta.concrete_fields
                if isinstance(field, models.ForeignKey)
                and issubclass(field.related_model, PandabaseModel)
                and field.name not in (exclude or ())
                and field.related_model.objects.filter(pk=getattr(self, field.attname)).exists()
            }
            super().clean_fields(exclude=there.union(exclude or ()))


def _follow_relations_by_objects(sender: type[models.Model], **_: Any) -> None:
    # What Meta.base_manager_name does, which migrations would note.
    if issubclass(sender, PandabaseModel):
        sender._meta.base_manager_name = "objects"


class_prepared.connect(_follow_relations_by_objects)
