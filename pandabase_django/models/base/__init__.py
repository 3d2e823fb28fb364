"""What all models of the app share: they are read where they are written.

A replica may lag by seconds. A lease, a secret or a checkpoint read from one is an old one, and
what a sync has just written would look as if it were missing. ``using()`` still names any database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, router
from django.db.models.signals import class_prepared

__all__ = ["PandabaseModel", "WriterManager", "WriterQuerySet"]

M = TypeVar("M", bound=models.Model, covariant=True)


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


if TYPE_CHECKING:
    # The stubs' plugin gives each model its managers, and loses them behind a base of ours.
    from django.db.models import Model as PandabaseModel
else:

    class PandabaseModel(models.Model):
        """A model whose manager ``objects`` gives a ``WriterQuerySet``; relations use it too."""

        class Meta:
            abstract = True

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
