"""Shows the app at work: a local Store API, a real worker and beat, a shop, and the admin."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connections
from django.urls import resolve

from demo_project.buying import buy
from demo_project.comparison import Comparison, compare
from demo_project.processes import Processes
from demo_project.site import BUYER, OWNER, make_people, start_site
from demo_project.today import let_things_happen
from demo_project.webhooks import (
    note_where_it_runs,
    receive_webhooks,
    refund,
    send_again,
    site_of_running_demo,
)
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.management.exits import PandabaseCommand
from pandabase_django.models import ApiToken, HandledFact, Purchase, Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.tokens.connection import add_token, test_connection
from pandabase_django.tasks import sync_seldom, sync_store

__all__ = ["Command"]

TOKEN_NAME = "Demo token"  # noqa: S105  what it is called, not what it is
FIRST_SYNC = {Resource.PRODUCTS.value, Resource.ORDERS.value}
FIRST_SYNC_SECONDS = 600
BAR_CHARACTERS = 30


class Command(PandabaseCommand):
    """``demo`` serves until Ctrl-C; ``demo --once`` compares every row, and buys one thing."""

    help = "Runs the whole app against a local Store API."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="Compare every row, buy one thing, stop; exits 0 only if it was handed out once.",
        )
        parser.add_argument(
            "--refund",
            nargs="?",
            const="",
            metavar="ORDER",
            help="In another terminal: refund an order at the running demo's sandbox, and watch.",
        )
        parser.add_argument("--products", type=int, default=250, help="Seeded products.")
        parser.add_argument("--orders", type=int, default=3000, help="Seeded orders.")
        parser.add_argument("--port", type=int, default=8000, help="Where the shop is served.")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        _write_env_and_restart(root / ".env")
        note = Path(settings.STATE_DIR) / "running.json"
        if options["refund"] is not None:
            self._refund(note, options["refund"])
            return
        # Before the files of a demo that runs here are deleted.
        if not options["once"]:
            _refuse_taken_port(options["port"])
        if site := site_of_running_demo(note):
            raise CommandError(
                f"A demo runs here already: {site}/admin/. End it with Ctrl-C in its terminal."
            )
        # Ctrl-C and a polite kill both end in the clean-up below.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if "DATABASE_URL" not in os.environ:
            _start_afresh(Path(settings.STATE_DIR))
        call_command("migrate", verbosity=0)
        log = Path(settings.STATE_DIR) / "demo.log"
        try:
            with Processes(root=root, environment=os.environ, log=log) as processes:
                self._run(processes, root, options)
        except KeyboardInterrupt:
            self.stderr.write("\nStopped.")
        finally:
            note.unlink(missing_ok=True)

    def _run(self, processes: Processes, root: Path, options: dict[str, Any]) -> None:
        manage = str(root / "manage.py")
        sandbox = processes.start(
            *(manage, "pandabase_sandbox", "--port", "0"),
            *("--products", str(options["products"]), "--orders", str(options["orders"])),
            "--webhook-http",
            keep_stdout=True,
        )
        line = processes.first_line(sandbox)
        if not line:
            raise CommandError("The sandbox did not start; .demo/demo.log tells why.")
        remote = json.loads(line)
        self.stderr.write(f"The sandbox answers at {remote['url']}.")
        processes.start("-m", "celery", "-A", "demo_project", "worker", "-c", "2", "-l", "INFO")
        processes.start("-m", "celery", "-A", "demo_project", "beat", "-l", "INFO")
        token = self._add_token(remote)
        started = time.monotonic()
        self._sync(token.store)
        self.stderr.write(f"The worker's first sync took {time.monotonic() - started:.1f} s.")
        comparisons = compare(remote["control_url"])
        self._print_table(comparisons)
        if options["once"] and any(c.differing for c in comparisons):
            raise CommandError("The tables differ from the sandbox's own dump.")
        password = make_people()
        port = 0 if options["once"] else options["port"]
        try:
            site = start_site(processes, manage, port)
        except OSError as error:
            raise CommandError(f"{error} .demo/demo.log tells more.") from None
        receive_webhooks(token.store, site=site)
        if options["once"]:
            self.stdout.write("Every row equals the sandbox's own dump.")
            self._buy_once(site, password, store=token.store, remote=remote)
            return
        sync_seldom.delay()  # subscriptions, the ledger and others: the schedule is hours away
        let_things_happen(remote["control_url"])
        note = Path(settings.STATE_DIR) / "running.json"
        note_where_it_runs(note, control_url=remote["control_url"], site=site)
        self._tell(site, password, remote=remote)
        processes.wait_for_last()

    def _add_token(self, remote: dict[str, Any]) -> ApiToken:
        given = next(t for t in remote["tokens"] if t["mode"] == "HMAC")
        ApiToken.objects.filter(store_id=remote["store"], name=TOKEN_NAME).update(
            role=ApiToken.Role.RETIRED
        )
        token = add_token(
            store_id=remote["store"],
            mode=given["mode"],
            secret=Secret(given["secret"]),
            token_id=given["token_id"],
            name=TOKEN_NAME,
            base_url=remote["url"],
        )
        report = test_connection(token)
        self.stderr.write(f"{token}: {report.message} ({report.milliseconds} ms)")
        return token

    def _sync(self, store: Store) -> None:
        """Have the worker sync, and draw a bar from the runs' records until it is done."""
        newest = SyncRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        sync_store.delay(store.pk)
        deadline = time.monotonic() + FIRST_SYNC_SECONDS
        while True:
            runs = list(SyncRun.objects.filter(pk__gt=newest).order_by("pk"))
            done = [run for run in runs if run.state != SyncRun.State.RUNNING]
            if runs:
                self._draw(runs[-1] if len(done) == len(runs) else _first_running(runs))
            # Other resources have runs too: two that ended need not be these two.
            if len(done) == len(runs) and {run.resource for run in done} >= FIRST_SYNC:
                break
            if time.monotonic() > deadline:
                raise CommandError("The sync did not end; .demo/demo.log tells why.")
            time.sleep(0.2)
        if sys.stderr.isatty():
            self.stderr.write("")
        for run in done:
            if run.state != SyncRun.State.COMPLETED:
                raise CommandError(f"{run}: {run.state}: {run.error}")

    def _draw(self, run: SyncRun) -> None:
        if not sys.stderr.isatty():
            return
        self.stderr.write(f"\r\033[K{_bar(run)}", ending="")

    def _print_table(self, comparisons: list[Comparison]) -> None:
        self.stdout.write(f"{'':24}{'local':>9}{'remote':>9}{'differing':>11}")
        for c in comparisons:
            self.stdout.write(f"{c.kind:24}{c.local:>9}{c.remote:>9}{len(c.differing):>11}")
            for pk, difference in islice(c.differing.items(), 5):
                self.stdout.write(f"  {pk}: {difference}")

    def _refund(self, note: Path, order_id: str) -> None:
        try:
            done = refund(note, order_id=order_id)
        except FileNotFoundError:
            raise CommandError("No demo is running: start `manage.py demo` first.") from None
        except LookupError as error:
            raise CommandError(f"There is no order to refund: {error}") from None
        except OSError as error:
            raise CommandError(f"The sandbox did not refund it: {error}") from None
        self.stdout.write(f"Refunded at the sandbox: {done.order_id}")
        if done.seconds is None:
            raise CommandError(f"It is still {done.status} here; .demo/demo.log may tell why.")
        self.stdout.write(f"{done.status} here after {done.seconds:.1f} s: {done.page}")

    def _buy_once(self, site: str, password: str, *, store: Store, remote: dict[str, Any]) -> None:
        try:
            bought = buy(site, username=BUYER, password=password)
        except (LookupError, OSError) as error:
            raise CommandError(f"Nothing could be bought: {error}") from None
        self.stdout.write(
            f"Bought one thing: the page said paid after {bought.paid_seconds:.1f} s, "
            f"and showed the licence after {bought.handed_seconds:.1f} s."
        )
        # Whoever learns of the order again must hand out nothing.
        send_again(remote["control_url"])
        self._sync(store)
        public_id = resolve(urlsplit(bought.return_url).path).kwargs["public_id"]
        purchase = Purchase.objects.get(session__public_id=public_id)
        calls = HandledFact.objects.filter(fact__purchase=purchase).count()
        licences = list(purchase.licences.values_list("key", flat=True))
        if calls != 1 or licences != bought.keys or len(licences) != 1:
            raise CommandError(f"Handlers were called {calls} times: {len(licences)} licences.")
        self.stdout.write("Its webhooks came again, and a sync: it was handed out once.")

    def _tell(self, site: str, password: str, *, remote: dict[str, Any]) -> None:
        self.stdout.write(f"\nThe shop:  {site}/\nThe admin: {site}/admin/")
        self.stdout.write(f"Users: {BUYER} (buys), {OWNER} (admin)   Password: {password}")
        self.stdout.write(
            "\nThe sandbox tells the shop of every change by webhook. See it in another terminal:\n"
            f"  {os.path.relpath(sys.executable)} manage.py demo --refund\n"
            f'  or: curl -d \'[{{"op": "refund_order", "index": -1}}]\' '
            f"{remote['control_url']}/changes\n"
            "docs/demo.md says what else to try.\n"
        )
        self.stdout.write("Ctrl-C stops everything.")
        self.stdout.flush()


def _bar(run: SyncRun) -> str:
    if run.state != SyncRun.State.RUNNING:
        # Its last phase need not have had rows to count.
        return f"[{'#' * BAR_CHARACTERS}] {run.state}"
    share = min(1.0, run.progress_done / run.progress_total) if run.progress_total else 0.0
    filled = round(share * BAR_CHARACTERS)
    bar = "#" * filled + "." * (BAR_CHARACTERS - filled)
    of = f" of {run.progress_total}" if run.progress_total else ""
    return f"[{bar}] {run.phase or run.state} {run.progress_done}{of}"


def _refuse_taken_port(port: int) -> None:
    """Before anything is started, since the admin is what is started last."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise CommandError(
            f"Port {port} can't be used ({why}). Give another: manage.py demo --port 8001, or "
            "make demo PORT=8001."
        ) from None


def _write_env_and_restart(path: Path) -> None:
    """Make what can't be shipped, once, and start again with it."""
    missing = {
        "SECRET_KEY": lambda: secrets.token_urlsafe(50),
        "PANDABASE_ENCRYPTION_KEYS": generate_key,
    }
    wanted = [name for name in missing if not os.environ.get(name)]
    if not wanted:
        return
    lines = [f"{name}={missing[name]()}" for name in wanted]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a") as file:
        file.write("\n".join(lines) + "\n")
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  this very command


def _start_afresh(state: Path) -> None:
    """The sandbox starts anew, so yesterday's rows would be another store's."""
    connections.close_all()
    for name in (
        "demo.sqlite3",
        "demo.sqlite3-wal",
        "demo.sqlite3-shm",
        "beat-schedule",
        "demo.log",
    ):
        (state / name).unlink(missing_ok=True)
    for name in ("broker", "cache"):
        shutil.rmtree(state / name, ignore_errors=True)
    (state / "broker" / "control").mkdir(parents=True)


def _first_running(runs: list[SyncRun]) -> SyncRun:
    return next(run for run in runs if run.state == SyncRun.State.RUNNING)
