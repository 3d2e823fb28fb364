"""A model field whose column holds sealed text and whose attribute is a ``Secret``.

The sealed text is bound to the row's primary key and to the columns named in ``bind``; a row that
was copied or edited can't be opened. Only a ``Secret`` can be assigned, so plain text can't land
in the column by mistake, and nothing but ``isnull`` can be asked of it in a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core import checks
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Left
from django.db.models.lookups import Exact, IsNull
from django.db.models.query_utils import DeferredAttribute

from pandabase_django.crypto.keyring import (
    SEALED_PREFIX,
    SealContext,
    current_keyring,
    is_sealed,
)
from pandabase_django.crypto.secret import MASK, SealedSecret, Secret
from pandabase_django.exceptions import Tampered

__all__ = ["SealedField", "context_of", "sealed_check_constraint"]


if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class _SecretAttribute(DeferredAttribute):
    """Turns what the database gave into a handle, and refuses everything but a Secret."""

    field: SealedField

    def __get__(self, instance: models.Model | None, cls: type | None = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, _Stored):
            handle = self.field.handle(instance, value)
            instance.__dict__[self.field.attname] = handle
            return handle
        return value

    def __set__(self, instance: models.Model, value: object) -> None:
        if value is not None and not isinstance(value, (Secret, _Stored)):
            raise TypeError(
                f"{self.field.name} takes a Secret, not {type(value).__name__}: "
                "wrap the text as Secret(text)."
            )
        instance.__dict__[self.field.attname] = value


class _Stored(str):
    """Sealed text fresh from the database or a fixture, not yet tied to its row."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __deepcopy__(self, _: Any) -> _Stored:
        return self


class SealedField(_Field):
    """A secret at rest.

    Args:
        purpose: Constant name of what is stored; part of the associated data for ever.
        bind: Further columns (attribute names) that the secret depends on.
        hint_field: Column that keeps what may be shown of the secret.
    """

    descriptor_class = _SecretAttribute
    class_lookups: ClassVar[dict[str, Any]] = {}
    empty_strings_allowed = False

    def __init__(
        self,
        *args: Any,
        purpose: str = "",
        bind: Sequence[str] = (),
        hint_field: str = "",
        **kwargs: Any,
    ) -> None:
        self.purpose = purpose
        self.bind = tuple(bind)
        self.hint_field = hint_field
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        kwargs["purpose"] = self.purpose
        if self.bind:
            kwargs["bind"] = self.bind
        if self.hint_field:
            kwargs["hint_field"] = self.hint_field
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "TextField"

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        messages = super().check(**kwargs)
        attributes = {f.attname for f in self.model._meta.concrete_fields}
        for name in (*self.bind, *filter(None, [self.hint_field])):
            if name not in attributes:
                messages.append(
                    checks.Error(
                        f"'{name}' is no column of this model.", obj=self, id="pandabase.E101"
                    )
                )
        if not self.purpose:
            messages.append(
                checks.Error("A sealed field needs a purpose.", obj=self, id="pandabase.E102")
            )
        return [*messages, *self._check_copies()]

    def _check_copies(self) -> list[checks.CheckMessage]:
        """A package that keeps histories copies every field, and its rows can't be saved."""
        ours = self.model._meta.label
        copies = sorted(
            field.model._meta.label
            for model in self.model._meta.apps.get_models()
            for field in model._meta.local_concrete_fields
            if isinstance(field, SealedField) and field.purpose == self.purpose
        )
        # Each pair once: by the one whose name is the last.
        others = [label for label in copies if label < ours]
        return [
            checks.Error(
                f"'{self.name}' is sealed for the same purpose as a field of {other}: a secret "
                "opens in its own row alone, and a copy of it can't be saved.",
                hint="Leave it out of copies; with django-simple-history: "
                f'HistoricalRecords(excluded_fields=["{self.name}"]).',
                obj=self,
                id="pandabase.E103",
            )
            for other in others
        ]

    def formfield(self, *args: Any, **kwargs: Any) -> None:
        """No form shows or takes the stored text."""
        return

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return IsNull
        raise FieldError(f"{self.name} is sealed: only {self.name}__isnull can be asked.")

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is sealed: only {self.name}__isnull can be asked.")

    def from_db_value(self, value: str | None, *_: Any) -> _Stored | None:
        return None if value is None else _Stored(value)

    def to_python(self, value: Any) -> Any:
        """Ties the sealed text of a fixture to the field.

        Anything else is passed on as it is and refused by the attribute: an error raised here
        would be reported by loaddata together with the value.
        """
        return _Stored(value) if is_sealed(value) else value

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        value = self.to_python(value)
        if value is None and not self.null:
            raise ValidationError(self.error_messages["null"], code="null")
        return value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = getattr(model_instance, self.attname)
        if value is None:
            return None
        if isinstance(value, SealedSecret) and model_instance.pk is None:
            raise Tampered(
                f"This {model_instance._meta.verbose_name} is a copy of another row: a sealed "
                f"{self.name} opens in its own row alone. Leave the field out of copies, such as a "
                "history's."
            )
        context = context_of(self, model_instance)
        if isinstance(value, SealedSecret):
            if value.sealed_for != context:
                raise Tampered(
                    f"This {model_instance._meta.verbose_name} was copied, or a column its "
                    f"{self.name} is bound to was changed: enter the secret again."
                )
            return _Stored(value.sealed)
        sealed = _Stored(self.seal(model_instance, value))
        if self.hint_field:
            setattr(model_instance, self.hint_field, value.hint)
        setattr(model_instance, self.attname, self.handle(model_instance, sealed))
        return sealed

    def get_prep_value(self, value: Any) -> Any:
        """Refuses everything that was not sealed.

        Raises:
            TypeError: A text, an expression, or a secret that only ``save`` can seal to its row.
        """
        if value is None or isinstance(value, _Stored):
            return value
        if isinstance(value, SealedSecret):
            # A fixture being loaded. In ``update()`` it is another row's, and opens nowhere.
            return _Stored(value.sealed)
        if isinstance(value, Secret):
            raise TypeError(
                f"{self.name} is sealed to its row: assign it to the instance and save that."
            )
        raise TypeError(f"{self.name} takes a Secret, not {type(value).__name__}.")

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, Secret) and not isinstance(value, SealedSecret):
            # Only the check constraint asks for this, when a row is validated before its save.
            return SEALED_PREFIX
        return self.get_db_prep_save(value, connection)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        value = self.get_prep_value(value)
        return None if value is None else str.__str__(value)

    def value_to_string(self, obj: models.Model) -> Any:
        """What dumpdata writes: the sealed text."""
        value = getattr(obj, self.attname)
        if value is None:
            return None
        if not isinstance(value, SealedSecret):
            raise TypeError(f"Save the row before dumping it: its {self.name} is not sealed yet.")
        return value.sealed

    def seal(self, instance: models.Model, secret: Secret) -> str:
        """Sealed text of a secret for this row.

        Raises:
            SealError: There is no key, or the secret itself can't be opened.
        """
        return current_keyring().seal(secret, context=context_of(self, instance))

    def swap(self, model: type[models.Model], pk: Any, *, old: str, new: str) -> bool:
        """Replace one sealed text by another, unless somebody has replaced it meanwhile."""
        column = F(self.name)
        unchanged = Exact(column, Value(old, output_field=models.TextField()))
        rows = model._default_manager.filter(unchanged, pk=pk)
        return bool(rows.update(**{self.name: _Stored(new)}))

    def handle(self, instance: models.Model, stored: str) -> SealedSecret:
        """The handle of a stored text, good for the row as it is now."""
        context = context_of(self, instance)
        sealed = str.__str__(stored)
        hint = str(instance.__dict__.get(self.hint_field, "")) if self.hint_field else ""
        return SealedSecret(
            sealed,
            hint=hint,
            sealed_for=context,
            opener=lambda: current_keyring().open(sealed, context=context),
        )


def context_of(field: SealedField, instance: models.Model) -> SealContext:
    """Where the secret of this row belongs.

    Raises:
        ValueError: The row has no primary key yet.
    """
    if instance.pk is None:
        raise ValueError("A row needs its primary key before a secret can be sealed to it.")
    return SealContext(
        purpose=field.purpose,
        pk=str(instance.pk),
        bound=tuple((name, str(getattr(instance, name))) for name in field.bind),
    )


def sealed_check_constraint(field: str, *, name: str) -> models.CheckConstraint:
    """Lets the database itself refuse a text that was never sealed."""
    starts = Exact(Left(F(field), len(SEALED_PREFIX)), Value(SEALED_PREFIX))
    return models.CheckConstraint(condition=Q(starts), name=name)
