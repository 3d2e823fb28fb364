"""Another resource that is read within the run of this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pandabase_django.exceptions import PandabaseError
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import list_is_closed

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """Reads a resource in all its ways; when its list is closed the run leaves it out.

    Attributes:
        of: The other resource.
    """

    of: Resource[Any]

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Read the other resource for this one."""
        try:
            self.of.read(context)
        except PandabaseError as error:
            if not list_is_closed(error):
                raise
            context.recorder.leave_out([f"{self.of.name.capitalize()} were left out: {error}"])
