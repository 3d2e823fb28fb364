"""Exit codes, and what all commands share: how they fail, and how they take a secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, TextIO

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import Error as AnyDatabaseError

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    ConfigurationError,
    InvalidCredential,
    LeaseHeld,
    MissingPermission,
    SealError,
)
from pandabase_django.printable import printable

__all__ = [
    "Exit",
    "PandabaseCommand",
    "encoding_of",
    "exit_code_of",
    "fail",
    "read_secret",
    "worst",
]

SECRET_VARIABLE = "PANDABASE_TOKEN_SECRET"  # noqa: S105  the variable's name


class Exit(IntEnum):
    """What a script may rely on."""

    OK = 0
    ERROR = 1
    USAGE = 2
    AUTHENTICATION = 3
    PARTIAL = 4
    INTERRUPTED = 130  # as shells say it of Ctrl-C
    TERMINATED = 143  # and of SIGTERM


def exit_code_of(error: BaseException) -> Exit:
    """The exit code that shows a script what kind of failure this was."""
    if isinstance(error, InvalidCredential):
        return Exit.AUTHENTICATION
    if isinstance(error, (MissingPermission, LeaseHeld)):
        return Exit.PARTIAL
    if isinstance(error, ConfigurationError):
        return Exit.USAGE
    if isinstance(error, SealError):
        return Exit.ERROR
    return Exit.USAGE if isinstance(error, ValueError) else Exit.ERROR


def worst(codes: Iterable[Exit]) -> Exit:
    """The exit code of several, which says what matters most."""
    met = set(codes)
    order = (Exit.AUTHENTICATION, Exit.ERROR, Exit.USAGE, Exit.PARTIAL)
    return next((code for code in order if code in met), Exit.OK)


def fail(error: BaseException | str, *, code: Exit | None = None) -> CommandError:
    """A CommandError for ``raise``, with the right exit code."""
    if code is None:
        code = Exit.ERROR if isinstance(error, str) else exit_code_of(error)
    return CommandError(str(error), returncode=int(code))


class PandabaseCommand(BaseCommand):
    """Ends in a sentence when settings are wrong or the database can't be used: in no traceback.

    Nor does it end because nobody reads on, as behind ``| head``: what it does is done whole, and
    its exit code is that of the work.
    """

    def __init__(
        self, stdout: TextIO | None = None, stderr: TextIO | None = None, **options: Any
    ) -> None:
        super().__init__(stdout, stderr, **options)
        self.stdout = _Output(stdout or sys.stdout)
        # Django prints all of stderr in bold red; here it is progress, and no error.
        self.stderr = _Output(stderr or sys.stderr)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            if "store" in options:
                # An unset variable in a script: to such a command, no store is all stores.
                if options["store"] == "":
                    raise fail("--store names no store.", code=Exit.USAGE)
                options["store"] = options["store"] or ""
            return super().execute(*args, **options)
        except AnyDatabaseError as error:
            why = printable(str(error).strip().partition("\n")[0])
            raise fail(f"The database can't be used: {why}. Was `migrate` run?") from None
        except ImproperlyConfigured as error:
            raise fail(printable(str(error)), code=Exit.USAGE) from None
        finally:
            self.stdout.flush()


def encoding_of(output: OutputWrapper) -> str:
    """The encoding of the stream that a command writes to; the wrapper's own says nothing."""
    return getattr(vars(output)["_out"], "encoding", None) or "utf-8"


class _Output(OutputWrapper):
    """A stream whose reader may leave: from then on it is written to nowhere.

    An error here would stop a rotation between its commit and its request.
    """

    def write(  # type: ignore[override]  # so does OutputWrapper override it
        self,
        msg: str = "",
        style_func: Callable[[str], str] | None = None,
        ending: str | None = None,
    ) -> None:
        # What a terminal can't show ends no command in the middle of its work.
        encoding = encoding_of(self)
        text = msg.encode(encoding, errors="replace").decode(encoding)
        with self._without_its_reader():
            super().write(text, style_func, ending)

    def flush(self) -> None:
        with self._without_its_reader():
            super().flush()

    @contextmanager
    def _without_its_reader(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            # The stream keeps what it could not write, and tries again when Python ends.
            with suppress(OSError, AttributeError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self.fileno())


def read_secret() -> Secret:
    """A secret from the environment, a hidden prompt, or a pipe; never from argv.

    Raises:
        CommandError: There is none.
    """
    if os.environ.get(SECRET_VARIABLE):
        return Secret(os.environ[SECRET_VARIABLE])
    if sys.stdin.isatty():
        import getpass

        secret = Secret(getpass.getpass("Secret (not shown): "))
    else:
        # A pipe ends its line; white space inside is refused by whoever takes the secret.
        secret = Secret(sys.stdin.readline().rstrip("\r\n"))
    if not secret.reveal():
        raise fail(
            f"No secret: give it on standard input or in {SECRET_VARIABLE}.", code=Exit.USAGE
        )
    return secret
