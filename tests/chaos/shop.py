"""The shop of the run: servers and processes of its own, and what its people ask of it."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg

from demo_project.site import BUYER
from pandabase_django.crypto.keyring import generate_key
from tests.chaos.processes import ROOT, Kept
from tests.chaos.remote import Remote
from tests.ports import free_port
from tests.worker.servers import OwnPostgres, OwnRedis
from tests.worker.shop import Shop as Asked

__all__ = ["BUYER", "ChaosShop"]

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")

ADD_TOKENS = """
from pandabase_django.crypto.secret import Secret
from pandabase_django.services.tokens.connection import add_token
for token in {tokens!r}:
    add_token(store_id={store!r}, mode="HMAC", secret=Secret(token["secret"]),
        token_id=token["token_id"], base_url={url!r})
"""
REGISTER = """
from django.urls import reverse
from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.models import Store, WebhookEndpoint
from pandabase_django.services.webhooks.registration import register
made = WebhookEndpoint.objects.create(store=Store.objects.get(), label="Shop")
register(made, url={site!r} + reverse("pandabase:webhook", args=[made.pk]), event_types=EVENT_TYPES)
made.refresh_from_db()
print(json.dumps(made.secret.reveal()))
"""
MAKE_PEOPLE = """
from demo_project.site import make_people
print(json.dumps(make_people()))
"""
ROTATE = """
import tests.chaos.celery
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.rotation import request_pair_rotation, request_rotation
from pandabase_django.tasks import rotate_secret
if {pair}:
    attempt = request_pair_rotation(Store.objects.get(), reason="chaos", trigger="COMMAND")
else:
    attempt = request_rotation(
        ApiToken.objects.get(role="ACTIVE"), reason="chaos", trigger="COMMAND")
rotate_secret.delay(str(attempt.pk))
"""
INSTALL = """
import io
from django.core.management import call_command
call_command("pandabase_install_secret", "--token", {pk!r}, "--no-input", stdout=io.StringIO())
"""
REPLAY = """
import io
from django.core.management import call_command
call_command("pandabase_replay_webhooks", "--enqueue", *{options!r}, stdout=io.StringIO())
"""
SYNC = """
import tests.chaos.celery
from pandabase_django.tasks import sync_all, sync_seldom
sync_all.delay()
sync_seldom.delay()
"""
DIFFERENCES = """
from demo_project.comparison import _dump, compare_rows
from demo_project.expected import BESIDE_ORDERS, KINDS
(store,) = _dump({url!r}, "store")
print(json.dumps([
    f"{{kind.name}} {{key}}: {{difference}}"
    for kind in (*KINDS, *BESIDE_ORDERS)
    for key, difference in compare_rows(
        kind, _dump({url!r}, kind.dump), store_id=store["id"]).differing.items()
]))
"""
STORED = """
from pandabase_django.models import ApiToken
print(json.dumps({token.token_id: token.secret.reveal() for token in ApiToken.objects.all()}))
"""
TRY = """
import io
from django.core.management import call_command
call_command("pandabase_test_connection", stdout=io.StringIO())
"""


class ChaosShop:
    """A context manager: all that it started ends at its end.

    Args:
        folder: For logs, spool and servers.
        seed: Of the remote's store.
    """

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.folder, self.logs = folder, folder / "logs"
        self.logs.mkdir()
        (folder / "redis").mkdir()
        self._stack = ExitStack()
        self._seed = seed
        self.password = ""
        self.secrets: set[str] = set()

    def __enter__(self) -> ChaosShop:
        with ExitStack() as stack:
            self._begin(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _begin(self, stack: ExitStack) -> None:
        self.postgres = OwnPostgres()
        stack.callback(self._end_postgres)
        self.redis = OwnRedis(self.folder / "redis")
        stack.callback(self.redis.close)
        web_port = free_port()
        self.site = f"http://127.0.0.1:{web_port}"
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.secrets |= {secrets.token_urlsafe(50), key := generate_key()}
        (secret_key,) = self.secrets - {key}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "PYTHONPATH": f"{ROOT}:{ROOT / '.ci' / 'matrix' / 'project'}",
            "SECRET_KEY": secret_key,
            "DEBUG": "0",
            "PANDABASE_ENCRYPTION_KEYS": key,
            "PANDABASE_READ_ONLY": "0",
            "PANDABASE_ENVIRONMENT": "",
            "DATABASE_URL": self.postgres.url,
            "CELERY_BROKER_URL": self.redis.url,
            "CACHE_URL": self.redis.url.replace("redis://", "rediscache://"),
            "QUEUE": "chaos",
            "ROTATION_SPOOL": str(self.folder / "spool"),
            "BEAT_FILE": str(self.folder / "beat-schedule"),
        }
        self.remote = Remote(
            port=free_port(), seed=self._seed, folder=self.logs, environment=environment
        )
        environment["PANDABASE_API_URL"] = self.remote.url
        self._asked = Asked(self.postgres.url)
        self._asked.environment = environment
        stack.callback(self._asked.close)

        def kept(name: str, *command: str) -> Kept:
            made = Kept(name, *command, folder=self.logs, environment=environment)
            stack.callback(made.kill)
            return made

        celery = ("celery", "-A", "tests.chaos.celery")
        worker = (*celery, "worker", "-l", "INFO")
        self.steady = kept("steady-worker", *worker, "-c", "2", "-n", "steady@chaos")
        self.workers = [
            kept(f"worker-{number}", *worker, "-c", "2", "-n", f"worker{number}@chaos")
            for number in (1, 2)
        ]
        self.beat = kept("beat", *celery, "beat", "-l", "INFO", "--pidfile=")
        where = ("-b", f"127.0.0.1:{web_port}", "-w", "2", "-k", "gthread", "--threads", "4")
        self.web = kept("web", "gunicorn", "demo_project.wsgi", *where, "--no-control-socket")
        stack.callback(self.remote.process.kill)
        self.own = [self.steady, *self.workers, self.beat, self.web]

    def open(self) -> None:
        """Tables, tokens, people, all processes, and an endpoint that the remote knows."""
        self.remote.start()
        self.code(
            "from django.core.management import call_command\n"
            "call_command('migrate', '--run-syncdb', verbosity=0)"
        )
        self.remote.ask("tokens", {"mode": "HMAC"})
        tokens = [one for one in self.remote.ask("tokens?secrets=1") if one["mode"] == "HMAC"]
        (store,) = self.remote.dump("store")
        self.code(ADD_TOKENS.format(tokens=tokens, store=store["id"], url=self.remote.url))
        self.password = self.code(MAKE_PEOPLE)
        for process in self.own:
            process.start()
        self.secrets |= {self.password, self.code(REGISTER.format(site=self.site))}
        self.code(SYNC)

    def code(self, code: str, **extra: str) -> Any:
        """Run code in a process of the shop; returns what it prints as JSON.

        Raises:
            AssertionError: It failed; says how.
        """
        return self._asked.run(code, **extra)

    def query(self, sql: str) -> list[Any]:
        """Rows of the database, past all of the shop's code.

        Raises:
            psycopg.Error: It is away.
        """
        with psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=3) as database:
            return database.execute(sql).fetchall()  # type: ignore[call-overload]

    def rotate(self, *, pair: bool) -> None:
        self.code(ROTATE.format(pair=pair))

    def install_secrets(self) -> int:
        """What docs/rotation.md asks of a person: install the secret that the dashboard shows."""
        waiting = self.query(
            "SELECT DISTINCT t.id, t.token_id FROM pandabase_rotationattempt a"
            " JOIN pandabase_apitoken t ON t.id = a.token_id"
            " WHERE a.closed_at IS NULL AND a.state IN ('WATCHING', 'HELD', 'LOST')"
            " AND a.prepared_at < now() - interval '45 s'"
        )
        shown = {one["token_id"]: one["secret"] for one in self.remote.ask("tokens?secrets=1")}
        for pk, token_id in waiting:
            self.code(INSTALL.format(pk=str(pk)), PANDABASE_TOKEN_SECRET=shown[token_id])
        return len(waiting)

    def replay_dead_letters(self) -> int:
        """What docs/webhooks.md asks of a person."""
        ((dead,),) = self.query("SELECT count(*) FROM pandabase_webhookdelivery WHERE state='DEAD'")
        if dead:
            self.code(REPLAY.format(options=[]))
        return int(dead)

    def replay_late_attempts(self, seconds: int) -> int:
        """“Replay now” for what failed so often that its next attempt is later than this."""
        late = self.query(
            "SELECT event_id FROM pandabase_webhookdelivery WHERE state = 'PENDING'"
            f" AND next_attempt_at > now() + interval '{seconds} s'"
        )
        if late:
            self.code(REPLAY.format(options=[f"--event-id={event}" for (event,) in late]))
        return len(late)

    def differences(self) -> list[str]:
        """Rows that are not the remote's, compared by the demo's witness."""
        found: list[str] = self.code(DIFFERENCES.format(url=f"{self.remote.url}/_sandbox"))
        return found

    def stored_secrets(self) -> dict[str, str]:
        found: dict[str, str] = self.code(STORED)
        return found

    def test_connection(self) -> None:
        self.code(TRY)

    def _end_postgres(self) -> None:
        with suppress(Exception):
            self.postgres.start()
        self.postgres.close()
