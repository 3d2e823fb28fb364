"""Runs the local Store API. One line of JSON on stdout tells where it listens and how to sign."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pandabase_django.sandbox import (
    KEY_READINGS,
    SIGNATURE_VERSIONS,
    NotLoopback,
    Sandbox,
    is_loopback,
)

__all__ = ["Command"]

WEBHOOK_SETTINGS = (
    "webhook_key",
    "webhook_time_factor",
    "webhook_duplicates",
    "webhook_delay_ms",
    "webhook_jitter_ms",
    "webhook_http",
    "webhook_public",
)


class Command(BaseCommand):
    """``pandabase_sandbox``: runs until SIGINT, SIGTERM or a shutdown call; exit code 0 then."""

    help = "Run a local Pandabase Store API to develop and test against."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of the command."""
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one.")
        parser.add_argument("--seed", type=int, default=1, help="The same seed, the same store.")
        parser.add_argument("--products", type=int, default=250, help="Seeded products.")
        parser.add_argument("--orders", type=int, default=3_000, help="Seeded orders.")
        parser.add_argument("--categories", type=int, default=12, help="Seeded categories.")
        parser.add_argument(
            "--latency-ms", type=float, default=0.0, help="Sleep before every answer."
        )
        parser.add_argument(
            "--rate-limit", type=int, default=0, help="Requests a second per token; 0: no limit."
        )
        parser.add_argument(
            "--webhook-url",
            default="",
            help="Send deliveries of every event there (http or https).",
        )
        parser.add_argument(
            "--webhook-version",
            choices=SIGNATURE_VERSIONS,
            default="V2",
            help="How deliveries to --webhook-url are signed.",
        )
        parser.add_argument(
            "--webhook-key",
            choices=KEY_READINGS,
            default="text",
            help="How a signing secret is read as a key.",
        )
        parser.add_argument(
            "--webhook-time-factor",
            type=float,
            default=1.0,
            help="How many times faster the waits between attempts pass (5 s to 24 h).",
        )
        parser.add_argument(
            "--webhook-duplicates", type=int, default=0, help="Deliver each event so often again."
        )
        parser.add_argument(
            "--webhook-delay-ms", type=float, default=0.0, help="Wait before a first attempt."
        )
        parser.add_argument(
            "--webhook-jitter-ms",
            type=float,
            default=0.0,
            help="Wait up to so much longer, so that deliveries overtake each other.",
        )
        parser.add_argument(
            "--webhook-http",
            action="store_true",
            help="Let http URLs of this machine be registered by the Store API.",
        )
        parser.add_argument(
            "--webhook-public", action="store_true", help="Send deliveries to other machines too."
        )
        parser.add_argument(
            "--force-public", action="store_true", help="Accept an address that is not loopback."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, tell where, wait."""
        names = ("host", "port", "seed", "products", "orders", "categories")
        settings = ("latency_ms", "rate_limit", "force_public", *WEBHOOK_SETTINGS)
        # Until the server can be closed, a signal must still end the process with code 0.
        stopping = _Stopping()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stopping)
        try:
            sandbox = Sandbox(**{name: options[name] for name in (*names, *settings)})
        except (NotLoopback, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        with sandbox:
            webhook = None
            if options["webhook_url"]:
                if not (options["webhook_public"] or is_loopback(options["webhook_url"])):
                    raise CommandError("--webhook-url names another machine: add --webhook-public")
                try:
                    webhook = sandbox.add_webhook(
                        options["webhook_url"], signature_version=options["webhook_version"]
                    )
                except ValueError as error:
                    raise CommandError(str(error)) from error
            self.stdout.write(sandbox.start_line(webhook=webhook))
            self.stdout.flush()
            stopping.sandbox = sandbox
            sandbox.wait()


class _Stopping:
    """Signal handler: closes the sandbox once there is one."""

    sandbox: Sandbox | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.sandbox is None:
            raise SystemExit(0)
        self.sandbox.close()
