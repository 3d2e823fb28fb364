"""What the frames of an error show, as the worst reporter shows it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pandabase_django

__all__ = ["shown_by"]

PACKAGE = str(Path(pandabase_django.__file__).parent)


def shown_by(error: BaseException) -> str:
    """Messages, attributes and variables of an error and of all it came from.

    Of the test's own frames nothing is looked at: these hold what is looked for.
    """
    return "\n".join(_shown(error, seen=set()))


def _shown(error: BaseException | None, *, seen: set[int]) -> Iterator[str]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield repr(error) + repr(getattr(error, "__dict__", ""))
    for frame, _line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename.startswith(str(Path(__file__).parent)):
            continue
        for name, value in frame.f_locals.items():
            yield f"{frame.f_code.co_filename}:{frame.f_code.co_name} {name} = {_repr(value)}"
    yield from _shown(error.__cause__, seen=seen)
    yield from _shown(error.__context__, seen=seen)


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  as a reporter does
        return f"<{type(error).__name__}>"
