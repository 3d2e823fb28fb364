"""Runs the local Store API. One line of JSON on stdout says where it listens and how to sign."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.core.management.base import CommandParser

from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.sandbox import (
    KEY_READINGS,
    REGISTRATION_REPLIES,
    SESSION_ID_FIELDS,
    SIGNATURE_VERSIONS,
    NotLoopback,
    Sandbox,
    is_loopback,
    kept_world,
)

__all__ = ["Command"]

CHECKOUT_SETTINGS = (
    "async_payment_seconds",
    "least_item_cents",
    "session_id_field",
    "tax_included",
)
WEBHOOK_SETTINGS = (
    "webhook_key",
    "webhook_time_factor",
    "webhook_duplicates",
    "webhook_delay_ms",
    "webhook_jitter_ms",
    "webhook_http",
    "webhook_public",
)
MISBEHAVIOUR = (
    "list_lag_seconds",
    "detail_lag_seconds",
    "lag_share",
    "lag_only",
    "page_cap",
    "unstable_order",
    "registration_reply",
)
SEEDED = {
    "seed": 1,
    "products": 250,
    "orders": 3_000,
    "categories": 12,
    "equal_times": False,
    "odd_ids": False,
    "foreign_ids": 0,
}
"""What a store begins with, unless an option or the state of a former run says otherwise."""


class Command(PandabaseCommand):
    """Runs until SIGINT, SIGTERM or a shutdown call: exit code 0 then, 2 for a wrong call."""

    help = "Run a local Pandabase, its Store API and its checkout, to develop and test against."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of the command."""
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one.")
        parser.add_argument("--seed", type=int, help="The same seed, the same store (1).")
        parser.add_argument("--products", type=int, help="Seeded products (250).")
        parser.add_argument("--orders", type=int, help="Seeded orders (3000).")
        parser.add_argument("--categories", type=int, help="Seeded categories (12).")
        parser.add_argument(
            "--state",
            metavar="FILE",
            help="Keep the store in this file, across restarts. It holds secrets, and is for its "
            "owner alone. What is seeded need not be said again.",
        )
        parser.add_argument(
            "--latency-ms", type=float, default=0.0, help="Sleep before every answer."
        )
        parser.add_argument(
            "--rate-limit", type=int, default=0, help="Requests a second per token; 0: no limit."
        )
        self._add_misbehaviour(parser)
        self._add_checkout(parser)
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

    def _add_misbehaviour(self, parser: CommandParser) -> None:
        late = "are as they were so many seconds ago."
        parser.add_argument("--list-lag-seconds", type=float, default=0.0, help=f"Lists {late}")
        parser.add_argument(
            "--detail-lag-seconds", type=float, default=0.0, help=f"Single objects {late}"
        )
        parser.add_argument(
            "--lag-share", type=float, default=1.0, help="Share of the reads that lag, 0 to 1."
        )
        parser.add_argument(
            "--lag-only", default="", help="Kinds that lag, such as orders,refunds; empty: all."
        )
        parser.add_argument(
            "--page-cap", type=int, default=0, help="Rows a page at most, whatever is asked for."
        )
        parser.add_argument(
            "--unstable-order",
            action="store_true",
            help="Lists by creation have no order of their own, and pages overlap.",
        )
        parser.add_argument(
            "--equal-times",
            action="store_true",
            default=None,
            help="All seeded products and orders were created at one moment.",
        )
        parser.add_argument(
            "--odd-ids",
            action="store_true",
            default=None,
            help="Some ids hold characters such as / and spaces.",
        )
        parser.add_argument(
            "--foreign-ids",
            type=int,
            metavar="SEED",
            help="Some ids are those of a sandbox of this seed.",
        )
        parser.add_argument(
            "--registration-reply",
            choices=REGISTRATION_REPLIES,
            default="secret",
            help="What a new webhook endpoint is answered as its signing secret.",
        )

    def _add_checkout(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--async-payment-seconds",
            type=float,
            default=5.0,
            help="How long a slow payment on the pay page takes; 0: until a change ends it.",
        )
        parser.add_argument(
            "--tax-included", action="store_true", help="Prices include the tax of the country."
        )
        parser.add_argument(
            "--session-id-field",
            choices=SESSION_ID_FIELDS,
            default="id",
            help="What a new checkout session calls its id.",
        )
        parser.add_argument(
            "--least-item-cents", type=int, default=100, help="Least price of a free line."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, say where, wait."""
        settings = (
            "host",
            "port",
            "latency_ms",
            "rate_limit",
            "force_public",
            *MISBEHAVIOUR,
            *CHECKOUT_SETTINGS,
            *WEBHOOK_SETTINGS,
        )
        # Until the server can be closed, a signal must still end the process with code 0.
        stopping = _Stopping()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stopping)
        try:
            sandbox = Sandbox(
                **{name: options[name] for name in settings},
                **_seeded(options),
                state_file=options["state"],
            )
        except OSError as error:
            where = f"{options['host']}, port {options['port']}"
            sentence = f"Can't listen on {where}: {error.strerror}. Give another --host or --port."
            raise fail(sentence, code=Exit.USAGE) from None
        except (NotLoopback, ValueError) as error:
            raise fail(_sentence(error), code=Exit.USAGE) from None
        with sandbox:
            webhook = None
            if options["webhook_url"]:
                try:
                    url, version = options["webhook_url"], options["webhook_version"]
                    known = sandbox.webhook_to(url, signature_version=version)
                    webhook = known or sandbox.add_webhook(url, signature_version=version)
                except ValueError as error:
                    raise fail(f"--webhook-url: {_sentence(error)}", code=Exit.USAGE) from None
                if not (options["webhook_public"] or is_loopback(options["webhook_url"])):
                    raise fail(
                        "--webhook-url names another machine: add --webhook-public.",
                        code=Exit.USAGE,
                    )
            self.stdout.write(sandbox.start_line(webhook=webhook))
            self.stdout.flush()
            stopping.sandbox = sandbox
            sandbox.wait()


def _seeded(options: dict[str, Any]) -> dict[str, Any]:
    """How the store begins.

    Raises:
        StateRefused: The state can't be read.
    """
    kept = kept_world(options["state"]) if options["state"] else {}
    given = {name: options[name] for name in SEEDED if options[name] is not None}
    return {**SEEDED, **kept, **given}


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


class _Stopping:
    """Signal handler: closes the sandbox once there is one."""

    sandbox: Sandbox | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.sandbox is None:
            raise SystemExit(0)
        self.sandbox.close()
