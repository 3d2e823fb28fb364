"""Rotates a token's secret in this process."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services import rotation

__all__ = ["Command"]

State = RotationAttempt.State


class Command(PandabaseCommand):
    """Exit codes: 0 done, 1 failed, held or lost, 2 usage, 3 refused, 4 not decided yet."""

    help = (
        "Replaces the secret of an API token. The old one is dead as soon as Pandabase executes "
        "this. --dry-run looks at everything it depends on and sends no roll."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--token", required=True, metavar="PK", help="Which token.")
        parser.add_argument("--reason", default="", help="For the history; needed to rotate.")
        parser.add_argument(
            "--sign-with", default="", metavar="PK", help="Another token of the store signs."
        )
        parser.add_argument(
            "--make-active",
            action="store_true",
            help="The token takes the active one's place once its new secret works.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Check all, and send no roll.")
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
            attempt = self._run(attempt)
        except (ValueError, PandabaseError, ConfigurationError) as error:
            raise fail(error) from None
        self.stdout.write(f"{attempt.pk} {attempt.state}")
        self.stderr.write(attempt.outcome)
        code = _exit_of(attempt)
        if code:
            raise fail(_next_step(attempt), code=code)

    def _run(self, attempt: RotationAttempt) -> RotationAttempt:
        def show(changed: RotationAttempt) -> None:
            interruption.sent = changed.state != State.PREPARED
            self.stderr.write(changed.phase or str(changed.get_state_display()))

        context = rotation.RotationContext(on_change=show)
        with _Interruption(self) as interruption:
            try:
                return rotation.run_rotation(attempt.pk, context=context)
            except KeyboardInterrupt:
                # Else the watching task would run what a person has just stopped.
                rotation.cancel_rotation(attempt, outcome="Interrupted. Nothing was sent.")
                raise

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


class _Interruption:
    """Lets Ctrl-C stop what waits, and nothing once the request may be under way.

    From then on the answer is under way or held in memory, and exists nowhere else.
    """

    def __init__(self, command: PandabaseCommand) -> None:
        self._command = command
        self._before: dict[int, Any] = {}
        self.sent = False

    def __enter__(self) -> _Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._decide)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _decide(self, *_: object) -> None:
        if not self.sent:
            raise KeyboardInterrupt
        self._command.stderr.write("The request is sent; this ends by itself. Wait for it.")


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
    if attempt.state in RotationAttempt.FAILED:
        return Exit.ERROR
    return Exit.PARTIAL


def _next_step(attempt: RotationAttempt) -> str:
    if attempt.state == State.FAILED_SAFE:
        return "The secret was not rotated."
    if attempt.state in RotationAttempt.NEEDS_A_SECRET:
        return (
            "Roll the secret in the Pandabase dashboard and install it with "
            f"`manage.py pandabase_install_secret --token {attempt.token_id}`."
        )
    return "It is not decided yet; the watching task goes on, and so does `pandabase_check`."
