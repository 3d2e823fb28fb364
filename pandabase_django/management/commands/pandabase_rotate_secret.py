"""Rotates a token's secret in this process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser

from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.management.exits import Exit, fail
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services import rotation

__all__ = ["Command"]

State = RotationAttempt.State


class Command(BaseCommand):
    """Exit codes: 0 done, 1 failed, held or lost, 2 usage, 3 refused, 4 not decided yet."""

    help = (
        "Replaces the secret of an API token. The old one is dead as soon as Pandabase executes "
        "this. --dry-run looks at everything it depends on and sends no roll."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--token", required=True, metavar="PK")
        parser.add_argument("--reason", default="", help="For the history; needed to rotate.")
        parser.add_argument(
            "--sign-with", default="", metavar="PK", help="Another token of the store signs."
        )
        parser.add_argument(
            "--make-active",
            action="store_true",
            help="The token takes the active one's place once its new secret works.",
        )
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--no-input", action="store_true", help="Ask nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        token = _token(options["token"])
        signer = _token(options["sign_with"]) if options["sign_with"] else None
        try:
            if options["dry_run"]:
                self._dry_run(token, signer, options)
                return
            if not options["no_input"]:
                self._confirm(token, signer)
            attempt = rotation.request_rotation(
                token,
                reason=options["reason"],
                trigger=RotationAttempt.Trigger.COMMAND,
                signer=signer,
                flip=options["make_active"],
            )
            with _uninterrupted(self):
                attempt = rotation.run_rotation(
                    attempt.pk, context=rotation.RotationContext(on_change=self._show)
                )
        except (ValueError, PandabaseError, ConfigurationError) as error:
            raise fail(error) from None
        self.stdout.write(f"{attempt.pk} {attempt.state}")
        self.stderr.write(attempt.outcome)
        code = _exit_of(attempt)
        if code:
            raise fail(_next_step(attempt), code=code)

    def _dry_run(self, token: ApiToken, signer: ApiToken | None, options: dict[str, Any]) -> None:
        report = rotation.preflight(token, signer=signer, flip=options["make_active"])
        for check in report.checks:
            self.stdout.write(f"{'ok' if check.ok else 'FAILED'}: {check.name}: {check.message}")
        if report.running:
            self.stdout.write(
                f"These syncs run and would be waited for: {', '.join(report.running)}"
            )
        if not report.ok:
            raise fail("A rotation would not be sent.")

    def _confirm(self, token: ApiToken, signer: ApiToken | None) -> None:
        if not sys.stdin.isatty():
            raise fail("Give --no-input where nobody can answer.", code=Exit.USAGE)
        report = rotation.preflight(token, signer=signer, network=False)
        for problem in report.problems:
            self.stderr.write(problem)
        self.stderr.write(
            f"This replaces the secret of {token}, {token.get_role_display().lower()}, last used "
            f"{token.last_used_at or 'never'}. Other programs that have the old one stop working."
        )
        if report.running:
            self.stderr.write(f"These syncs run: {', '.join(report.running)}")
        if input(f"Type the token's name ({token.name}) to go on: ").strip() != token.name:
            raise fail("Nothing was sent.")

    def _show(self, attempt: RotationAttempt) -> None:
        self.stderr.write(attempt.phase or str(attempt.get_state_display()))


@contextmanager
def _uninterrupted(command: BaseCommand) -> Iterator[None]:
    """An answer that is under way or held in memory must not be lost to a Ctrl-C."""

    def explain(*_: object) -> None:
        command.stderr.write("A rotation is under way and ends by itself; wait for it.")

    before = {number: signal.signal(number, explain) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_STOPPING = (signal.SIGINT, signal.SIGTERM)


def _token(pk: str) -> ApiToken:
    try:
        return ApiToken.objects.select_related("store").get(pk=pk)
    except (ApiToken.DoesNotExist, ValidationError):
        raise fail(f"There is no token {pk}.", code=Exit.USAGE) from None


def _exit_of(attempt: RotationAttempt) -> Exit:
    if attempt.state == State.DONE:
        return Exit.OK
    if attempt.state == State.FAILED_SAFE and attempt.reply_status in (401, 403):
        return Exit.AUTHENTICATION
    if attempt.state in (State.FAILED_SAFE, State.HELD, State.LOST):
        return Exit.ERROR
    return Exit.PARTIAL


def _next_step(attempt: RotationAttempt) -> str:
    if attempt.state == State.FAILED_SAFE:
        return "The secret was not rotated."
    if attempt.state in (State.HELD, State.LOST):
        return (
            "Roll the secret in the Pandabase dashboard and install it with "
            f"`manage.py pandabase_install_secret --token {attempt.token_id}`."
        )
    return "It is not decided yet; the watching task goes on, and so does `pandabase_check`."
