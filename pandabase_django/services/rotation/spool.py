"""A folder that keeps the sealed answer of a rotation while the database can't.

One file an attempt, named after it, holding the sealed text alone: what is in it can be opened
only with the encryption key, and only for that attempt. It is written beside, synced and renamed,
so that a file is whole or not there.
"""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pandabase_django.conf import conf

__all__ = [
    "Spooled",
    "put",
    "remove",
    "spool_problem",
    "spooled_replies",
    "try_out",
    "waiting_in_spool",
]

SUFFIX = ".reply"


@dataclass(frozen=True, slots=True)
class Spooled:
    """One file.

    Attributes:
        path: Where it lies.
        attempt_id: Whose answer it is; None when its name is not ours.
    """

    path: Path
    attempt_id: uuid.UUID | None

    def sealed(self) -> str:
        """The sealed text.

        Raises:
            OSError: It can't be read.
        """
        return self.path.read_text(encoding="ascii", errors="replace").strip()


def put(attempt_id: uuid.UUID, sealed: str) -> Path | None:
    """Write a sealed answer durably; None when no folder is configured.

    Raises:
        OSError: It can't be written.
    """
    folder = conf.rotation_spool
    if folder is None:
        return None
    return _write(folder, f"{attempt_id}{SUFFIX}", sealed)


def remove(path: Path) -> None:
    """Forget a file that the database has taken."""
    path.unlink(missing_ok=True)


def try_out() -> None:
    """Write, read and remove a file, as a rotation would.

    Raises:
        OSError: The folder can't be used.
    """
    folder = conf.rotation_spool
    if folder is None:
        return
    path = _write(folder, f"{secrets.token_hex(8)}.try", "tried")
    if path.read_text(encoding="ascii") != "tried":
        raise OSError("What was written does not come back.")
    path.unlink()


def spooled_replies() -> Iterator[Spooled]:
    """What lies in the folder, oldest name first."""
    folder = conf.rotation_spool
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            attempt_id: uuid.UUID | None = uuid.UUID(path.stem)
        except ValueError:
            attempt_id = None
        yield Spooled(path, attempt_id)


def waiting_in_spool() -> int:
    """How many answers wait in this machine's folder."""
    return sum(1 for _ in spooled_replies())


def spool_problem() -> str:
    """What is wrong with the configured folder; "" when nothing is."""
    folder = conf.rotation_spool
    if folder is None:
        return ""
    try:
        mode = folder.stat().st_mode
    except OSError as error:
        return f"{folder} can't be reached: {error.strerror}."
    if not folder.is_dir():
        return f"{folder} is not a folder."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} can't be written by this process."
    if mode & 0o007:
        return f"{folder} can be read or entered by everybody (chmod o= it)."
    return ""


def _write(folder: Path, name: str, text: str) -> Path:
    path, beside = folder / name, folder / f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return path


def _sync_folder(folder: Path) -> None:
    # The name has to survive a power failure as well as the content.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
