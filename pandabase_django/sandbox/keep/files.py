"""Reading and writing the file: whole or not at all, for its owner alone, by one process."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from pandabase_django.sandbox.store.shapes import Json

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps a second sandbox out
    fcntl = None  # type: ignore[assignment]

__all__ = ["VERSION", "StateFile", "StateRefused"]

VERSION = 1
"""Grows whenever older files can't be read any more."""

_FORMAT = "pandabase_sandbox state"
_PARTS = {"world", "seeded", "parts"}


class StateRefused(ValueError):
    """The file can't be used. The message names it and says what to do."""


class StateFile:
    """One file, locked from construction to :meth:`close`."""

    def __init__(self, path: str | Path) -> None:
        """Lock the file, which need not exist yet.

        Raises:
            StateRefused: Another sandbox uses it, or its folder can't be written to.
        """
        self.path = Path(os.path.realpath(path))
        self._lock = -1
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
            self._lock = os.open(lock, flags, 0o600)
            if fcntl is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise StateRefused(f"{self.path} is used by another sandbox") from None
        except OSError as error:
            raise StateRefused(f"can't write {self.path}: {error.strerror}") from None

    def read(self) -> Json | None:
        """What was written; None when there is no file.

        Raises:
            StateRefused: The file is not one of ours, or of another version.
        """
        return read(self.path)

    def write(self, contents: Json) -> None:
        """Replace the file in one step; a crash leaves the former one.

        Raises:
            StateRefused: It can't be written.
        """
        text = json.dumps({"format": _FORMAT, "version": VERSION, **contents})
        draft = self.path.with_name(f"{self.path.name}.new")
        try:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()  # of a process that was killed
            made = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(made, "w", encoding="ascii") as out:
                out.write(text)
                out.flush()
                os.fsync(made)
            os.replace(draft, self.path)
        except OSError as error:
            raise StateRefused(f"can't write {self.path}: {error.strerror}") from None

    def close(self) -> None:
        """Let others use the file."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def read(path: Path) -> Json | None:
    """What a file holds; None when there is none.

    Raises:
        StateRefused: The file is not one of ours, or of another version.
    """
    try:
        with path.open(encoding="ascii") as file:
            _refuse_anothers(file.fileno(), path)
            found: Any = json.load(file)
    except StateRefused:
        raise
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateRefused(f"can't read {path}: {error.strerror}") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise StateRefused(f"{path} is no state of a sandbox: give another file")
    if found.get("version") != VERSION:
        raise StateRefused(
            f"{path} is of version {found.get('version')}, and this sandbox reads version "
            f"{VERSION}: use the release that wrote it, or another file"
        )
    if not found.keys() >= _PARTS or not isinstance(found["world"], dict):
        raise StateRefused(f"{path} is not whole: give another file")
    return found


def _refuse_anothers(descriptor: int, path: Path) -> None:
    """Another user would know the secrets in it, and choose what is read."""
    if hasattr(os, "getuid") and os.fstat(descriptor).st_uid != os.getuid():
        raise StateRefused(f"{path} belongs to another user: give another file")
