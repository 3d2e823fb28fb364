"""A token's permissions as a grid: what its owner declares beside what calls have shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from pandabase_django.api.permissions import KNOWN_PERMISSIONS, PRESETS, RESOURCES
from pandabase_django.models import ApiToken, TokenPermission
from pandabase_django.services.tokens.permissions import NEEDED_BY_SYNCS

__all__ = ["PRESET_CHOICES", "PermissionGrid", "by_code", "grid_of"]

TEMPLATE = "admin/pandabase/apitoken/grid.html"
TONES = {"GRANTED": "good", "DENIED": "bad"}
PRESET_CHOICES = [
    ("", _("As ticked below")),
    ("read_only", _("Read only")),
    ("catalog", _("Catalog")),
    ("fulfilment", _("Fulfilment")),
    ("all", _("All")),
]


@dataclass(frozen=True, slots=True)
class Cell:
    """One code of the grid.

    Attributes:
        code: The code; "" where there is none, as for writing analytics.
        declared: Its owner says the token has it.
        observed: What calls have shown, for a person.
        tone: Of the badge that says so; "" when nothing was shown.
        observed_at: When.
        needed: Syncs read with it.
    """

    code: str
    declared: bool = False
    observed: str = ""
    tone: str = ""
    observed_at: datetime | None = None
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A resource: its name, reading and writing."""

    resource: str
    cells: tuple[Cell, Cell]


def grid_of(
    declared: Collection[str], observed: Mapping[str, TokenPermission]
) -> tuple[list[Row], list[Cell]]:
    """The known codes as rows, and the others.

    Args:
        declared: Codes that are ticked.
        observed: A token's permissions by code.
    """

    def cell(code: str) -> Cell:
        row = observed.get(code)
        shown = row is not None and row.observed != TokenPermission.Observed.UNKNOWN
        return Cell(
            code=code,
            declared=code in declared,
            observed=row.get_observed_display() if row and shown else "",
            tone=TONES.get(row.observed, "") if row else "",
            observed_at=row.observed_at if row and shown else None,
            needed=code in NEEDED_BY_SYNCS,
        )

    def cell_of(resource: str, access: str) -> Cell:
        code = f"{resource}_{access}"
        return cell(code) if code in KNOWN_PERMISSIONS else Cell("")

    rows = [
        Row(resource.title(), (cell_of(resource, "READ"), cell_of(resource, "WRITE")))
        for resource in RESOURCES
    ]
    others = sorted({*declared, *observed} - set(KNOWN_PERMISSIONS))
    return rows, [cell(code) for code in others]


def by_code(token: ApiToken) -> dict[str, TokenPermission]:
    """A token's permissions by code."""
    return {row.code: row for row in token.permissions.all()}


class PermissionGrid(forms.CheckboxSelectMultiple):
    """Resources down, read and write across; beside each box what calls have shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.observed: Mapping[str, TokenPermission] = {}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        known = {code for code, row in self.observed.items() if row.declared} - {*KNOWN_PERMISSIONS}
        rows, others = grid_of({*(value or ()), *known}, self.observed)
        context = {
            "rows": rows,
            "others": others,
            "name": name,
            "presets": _presets(),
            "editable": True,
        }
        return render_to_string(TEMPLATE, context)

    def id_for_label(self, id_: str, index: Any = None) -> str:
        """The label heads a table, not one box."""
        return ""


def _presets() -> Iterable[tuple[str, str]]:
    return [(name, " ".join(codes)) for name, codes in PRESETS.items()]
