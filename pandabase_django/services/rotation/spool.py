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
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import RotationAttempt
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.rotation.context import RotationContext, refuse_outer_transaction
from pandabase_django.services.rotation.replies import unpacked
from pandabase_django.services.rotation.transitions import keep_reply, sealed_column
from pandabase_django.services.tokens.holding import is_foreign

__all__ = [
    "PickedUp",
    "Spooled",
    "pick_up_spool",
    "put",
    "remove",
    "spool_problem",
    "spooled_replies",
    "try_out",
    "waiting_in_spool",
]

logger = get_logger(__name__)

SUFFIX = ".reply"


@dataclass(frozen=True, slots=True)
class Spooled:
    """One file.

    Attributes:
        path: Where it is.
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


@dataclass(frozen=True, slots=True)
class PickedUp:
    """What became of the files of this machine's spool.

    Attributes:
        attempts: Whose answers the database has now.
        left: Names of files that stay, with the reason.
    """

    attempts: tuple[uuid.UUID, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


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
    """Delete a file whose answer the database has."""
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
    """The files of the folder, oldest name first."""
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


def pick_up_spool(*, context: RotationContext | None = None) -> PickedUp:
    """Store the answers of the spool in the database. Sends nothing.

    A file goes only when the database has its answer. One that is not ours, or that the present
    keys can't open, stays and is named. A folder that can't be read is named too: nothing is sent
    meanwhile, and what turns up in it later opens its rotation again. None goes while this
    deployment only reads: a copy may share the folder with the one that waits for them.

    Raises:
        RotationError: Inside a transaction.
        DatabaseError: The database is still down.
    """
    if conf.read_only:
        return PickedUp()
    context = context or RotationContext()
    taken: list[uuid.UUID] = []
    left: list[tuple[str, str]] = []
    try:
        files = list(spooled_replies())
    except OSError as error:
        logger.error("The spool can't be read: %s", error.strerror or error)
        return PickedUp(left=((str(conf.rotation_spool), f"It can't be read: {error.strerror}."),))
    for file in files:
        refuse_outer_transaction()
        rows = RotationAttempt.objects.select_related("token")
        attempt = rows.filter(pk=file.attempt_id).first() if file.attempt_id else None
        with about(store=attempt.token.store_id if attempt else ""):
            why = _pick_up(file, attempt, context=context)
            if why:
                left.append((file.path.name, why))
                logger.error("A spooled answer stays in %s: %s", file.path, why)
            elif attempt is not None:
                taken.append(attempt.pk)
    return PickedUp(tuple(taken), tuple(left))


def _pick_up(file: Spooled, attempt: RotationAttempt | None, *, context: RotationContext) -> str:
    """Why a file stays; "" when the database has taken it."""
    if file.attempt_id is None:
        return "Its name is not that of a rotation."
    if attempt is None:
        return "There is no such rotation in this database."
    if is_foreign(attempt.token):
        # A copy may share the folder with the shop that waits for the answer.
        return "The token belongs to another environment."
    try:
        sealed = sealed_column(RotationAttempt, "reply").handle(attempt, file.sealed())
        reply = unpacked(sealed)
    except FileNotFoundError:
        return ""  # its sender, or another process, was faster
    except OSError as error:
        return f"It can't be read: {error.strerror}."
    except PandabaseError as error:
        return str(error)
    except (LookupError, TypeError, ValueError) as error:
        return f"Its content is not that of an answer ({type(error).__name__})."
    kept = keep_reply(
        attempt.pk,
        sealed,
        context=context,
        reply_status=reply.status,
        request_id=reply.request_id,
    )
    if not kept:
        return "The rotation is in a state that takes no answer."
    try:
        remove(file.path)
    except OSError as error:
        return f"The database has it, and it can't be removed: {error.strerror}."
    return ""


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
