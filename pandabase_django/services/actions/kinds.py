"""What must be known of one kind of action: a definition, as resources have for the sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pandabase_django.api.client import Client
from pandabase_django.exceptions import ActionRefused
from pandabase_django.models import MirrorRow, RemoteAction

__all__ = ["Kind", "Reading", "Shown", "refused"]


class Shown(Enum):
    """What the remote shows of an action whose answer got lost."""

    DONE = "done"
    NOT_YET = "not yet"  # it was not executed, or will be
    NEVER = "never"  # what it shows now rules out that it was, or will be
    UNCLEAR = "unclear"  # what it shows would be the same either way


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at the remote gave.

    Attributes:
        shown: What it means.
        result_id: Of what the action has made; "" when it makes nothing.
        words: What was seen, for a person.
    """

    shown: Shown
    result_id: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of action.

    Attributes:
        what: Its name.
        model: What it is done to.
        permission: ``app_label.codename`` that a person needs.
        operation: The remote's, by its name in ``OPERATIONS``.
        id_name: What the operation's path calls the object.
        check: Refuses what can't be done to a row, by what is known here.
        body: What is sent, made of the parameters; None for no body.
        note_before: Reads what the settling will compare with; its values join the parameters.
        result_of: The id of what was made, of the answer's data.
        look: Asks the remote whether it was done; None where nothing there shows it.
        read_rows: Reads the mirrored rows again; says whether they show the action.
        can_be_undone: What shows it may be the state before another action, from a replica.
    """

    what: RemoteAction.What
    model: type[MirrorRow]
    permission: str
    operation: str
    id_name: str
    check: Callable[[Any, Mapping[str, Any], datetime], None]
    body: Callable[[Mapping[str, Any]], dict[str, Any] | None] = lambda parameters: None
    note_before: Callable[[Client, RemoteAction], dict[str, Any]] | None = None
    result_of: Callable[[Any], str] = lambda data: ""
    look: Callable[[Client, RemoteAction], Reading] | None = None
    read_rows: Callable[[RemoteAction], bool]
    can_be_undone: bool = False


def refused(code: str, message: str) -> ActionRefused:
    """A refusal.

    Args:
        code: A fixed word.
        message: One sentence for a person.
    """
    return ActionRefused(message, code=code)
