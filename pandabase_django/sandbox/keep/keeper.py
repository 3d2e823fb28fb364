"""Writes the state to its file: soon after a change, at most each second or so, and at the end."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from pandabase_django.sandbox.keep.contents import Contents
from pandabase_django.sandbox.keep.files import StateFile, StateRefused, read
from pandabase_django.sandbox.store.shapes import Json

__all__ = ["Keeper", "kept_world"]

logger = logging.getLogger(__name__)

_LEAST_PAUSE_SECONDS = 1.0
_PAUSES_A_WRITE = 5
"""After a write of a large state that took long, so many times as long passes until the next."""


def kept_world(path: str | Path) -> Json:
    """How the store of a file is seeded; {} when there is no file.

    Raises:
        StateRefused: The file can't be used.
    """
    found = read(Path(path))
    return {} if found is None else dict(found["world"])


class Keeper:
    """Keeps one sandbox in one file."""

    def __init__(self, path: Path, contents: Contents, *, world: Json) -> None:
        """Read the file if there is one, and write it.

        Raises:
            StateRefused: The file can't be used, or belongs to a store that is seeded otherwise.
        """
        self._file = StateFile(path)
        self._contents = contents
        self._world = world
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sandbox-keeper", daemon=True)
        try:
            found = self._file.read()
            if found is not None:
                self._put_back(found)
            self._write()
        except StateRefused:
            self._file.close()
            raise
        self._thread.start()

    def note(self) -> None:
        """Something was changed, or is about to be under the state's lock."""
        self._changed.set()

    def close(self) -> None:
        """Write for the last time, and let others use the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._changed.set()
        self._thread.join()
        self._try_to_write()
        self._file.close()

    def _put_back(self, found: Json) -> None:
        path = self._file.path
        for name, value in self._world.items():
            if found["world"].get(name) != value:
                raise StateRefused(
                    f"{path} holds a store with {name} {found['world'].get(name)}, not {value}: "
                    "give the same value or none, or another file"
                )
        if found["seeded"] != self._contents.seeded:
            raise StateRefused(
                f"{path} is of a release that seeds other objects: "
                "use the release that wrote it, or another file"
            )
        try:
            self._contents.put_back(found["parts"])
        except (LookupError, TypeError, ValueError) as error:
            raise StateRefused(f"{path} can't be read: {type(error).__name__}") from error

    def _work(self) -> None:
        while self._changed.wait() and not self._closed.is_set():
            self._changed.clear()
            began = time.monotonic()
            self._try_to_write()
            pause = _PAUSES_A_WRITE * (time.monotonic() - began)
            self._closed.wait(max(_LEAST_PAUSE_SECONDS, pause))

    def _try_to_write(self) -> None:
        try:
            self._write()
        except StateRefused as error:
            logger.error("The sandbox %s; it goes on without.", error)
            self._changed.set()

    def _write(self) -> None:
        parts = self._contents.taken()
        self._file.write(
            {
                "world": self._world,
                "seeded": self._contents.seeded,
                "parts": parts,
            }
        )
