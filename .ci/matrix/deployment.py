"""A cell's shop: its folder, its settings, its processes, and what stands around them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import servers
from cells import Cell
from installed import ROOT
from network import EgressProxy, Relay, make_certificates
from processes import Failed, Processes, wait_for_port

from tests.ports import free_port
from tests.worker.pooler import transaction_pooler

__all__ = ["API_NAME", "Shop", "deployed"]

HERE = Path(__file__).resolve().parent
# The sandbox sends buyers to where it was asked, by http: there it listens. TLS is spoken by the
# proxy's target alone, so that who went past the proxy would speak TLS to the sandbox, and fail.
API_NAME = "localhost"
# The shell makes the root read-only for itself and what it becomes; a folder stays writable.
READ_ONLY = """
mount --bind "$0" "$0" || exit 96
for place in / /tmp /var /var/tmp /run /home; do
  if mountpoint -q "$place"; then mount -o remount,bind,ro "$place" || exit 96; fi
done
if touch ./probe 2>/dev/null; then exit 97; fi
exec "$@"
"""
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
WORKERS = {
    "prefork": ("-c", "2"),
    "threads": ("-c", "4"),
    "gevent": ("-c", "20"),
}


@dataclass(slots=True)
class Shop:
    """A running cell.

    Attributes:
        own: Its processes.
        python: Of its environment.
        site: Address that people use, without a slash at the end.
        remote: What the sandbox printed on start.
        relay: In front of the database, where the cell takes it away.
        proxy: The egress proxy.
        password: Of the people who may sign in.
    """

    cell: Cell
    own: Processes
    python: str
    folder: Path
    web_port: int = field(default_factory=free_port)
    site: str = ""
    remote: dict[str, Any] = field(default_factory=dict)
    relay: Relay | None = None
    proxy: EgressProxy | None = None
    password: str = ""
    served: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def manage(self, command: str, *arguments: str, **extra: str) -> str:
        """Run a management command; returns what it printed."""
        return self.own.run(command, self.python, "manage.py", command, *arguments, extra=extra)

    def ask(self, word: str, *arguments: Any) -> Any:
        """Ask the shop's own process (matrix_shop/ask.py).

        Raises:
            Failed: It answers with an exception.
        """
        answer = self.try_to_ask(word, *arguments)
        if "error" in answer:
            raise Failed(f"{word}: {answer['error']}")
        return answer["said"]

    def try_to_ask(self, word: str, *arguments: Any) -> dict[str, Any]:
        """The same; an exception of the shop is in the answer."""
        process = self.served.get("ask")
        if process is None:
            command = (self.python, "-m", "matrix_shop.ask")
            process = self.served["ask"] = self.own.start("ask", *command, pipes=True)
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([word, *arguments]).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise Failed(f"the shop's own process ended; see {self.own.logs}/ask.log")
        found: dict[str, Any] = json.loads(line)
        return found

    def control(self, call: str, body: Any = None) -> Any:
        """Ask the sandbox."""
        request = urllib.request.Request(
            f"{self.remote['control_url']}/{call}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def serve(self) -> None:
        """Start the web server, the worker and beat."""
        celery = (self.python, "-m", "celery", "-A", "matrix_shop")
        self._start("web", *self._web(), SCRIPT_NAME=self.cell.path)
        pool = ("--pool", self.cell.worker, *WORKERS[self.cell.worker])
        if self.cell.worker == "gevent" and self.cell.broker in ("classic", "quorum"):
            pool += ("--without-heartbeat",)  # docs/celery.md
        self._start("worker", *celery, "worker", "-l", "INFO", *pool)
        self._start("beat", *celery, "beat", "-l", "INFO", "--pidfile=")
        wait_for_port(self.web_port, self.served["web"], name="web")

    def stop(self) -> None:
        """Have beat, worker and web server end as a deploy does."""
        for name in ("beat", "worker", "web"):
            self.own.stop(self.served[name], name=name)

    def _start(self, name: str, *command: str, **extra: str) -> None:
        self.served[name] = self.own.start(name, *command, extra=extra)

    def _web(self) -> tuple[str, ...]:
        where = f"127.0.0.1:{self.web_port}"
        if self.cell.web == "uvicorn":
            run = (self.python, "-m", "uvicorn", "matrix_shop.asgi:application")
            paths = ("--root-path", self.cell.path) if self.cell.path else ()
            return (*run, "--port", str(self.web_port), "--workers", "2", *paths)
        run = (self.python, "-m", "gunicorn", "demo_project.wsgi", "-b", where, "-w", "2")
        threads = ("--threads", "4") if self.cell.web == "gthread" else ()
        own_files = ("--worker-tmp-dir", "/dev/shm", "--no-control-socket")
        writable = own_files if self.cell.read_only else ()
        return (*run, "-k", self.cell.web, *threads, *writable)


@contextmanager
def deployed(cell: Cell, *, python: Path, folder: Path) -> Iterator[Shop]:
    """Everything of a cell but the shop's own servers, which ``serve`` starts.

    Args:
        cell: Which.
        python: Of the environment that has the wheel.
        folder: Empty; stays, with the logs.
    """
    project, logs, writable = (folder / name for name in ("project", "logs", "writable"))
    for path in (project, logs, writable, project / ".demo" / "broker" / "control"):
        path.mkdir(parents=True)
    for name in ("demo_project", "manage.py", ".ci/matrix/project/matrix_shop"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, project / Path(name).name)
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "matrix_shop.settings",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "PYTHONWARNINGS": "default",
        "SHOP_PATH": cell.path,
    }
    before: tuple[str, ...] = ()
    if cell.read_only:
        before = ("unshare", "-m", "sh", "-c", READ_ONLY, str(writable))
    with ExitStack() as stack:
        remote = Processes(root=project, logs=logs, environment=environment)
        own = Processes(root=project, logs=logs, environment=environment, before=before)
        shop = Shop(cell, own, str(python), folder)
        environment["PANDABASE_ENCRYPTION_KEYS"] = _key_by_the_wheel(remote, shop.python)
        environment |= _databases(stack, shop)
        environment |= _broker(stack, cell)
        stack.enter_context(remote)
        _start_sandbox(stack, remote, shop)
        if cell.read_only:
            spool = writable / "spool"
            spool.mkdir(mode=0o700)
            environment["ROTATION_SPOOL"] = str(spool)
            environment["BEAT_FILE"] = str(writable / "beat-schedule")
            temporary = writable / "tmp"
            temporary.mkdir()
            environment["TMPDIR"] = str(temporary)
        if cell.scheduler:
            environment["BEAT_SCHEDULER"] = cell.scheduler
        port = shop.web_port
        if cell.path:
            place = folder / "nginx"
            place.mkdir()
            static, strip = project / ".demo" / "static", cell.web == "uvicorn"
            server = servers.nginx(place, path=cell.path, static=static, upstream=port, strip=strip)
            port = stack.enter_context(server)
        shop.site = f"http://127.0.0.1:{port}{cell.path}"
        stack.enter_context(own)
        yield shop


def _key_by_the_wheel(processes: Processes, python: str) -> str:
    """A new encryption key. What makes it must be the wheel, not what lies beside the script."""
    code = (
        "import pandabase_django; print(pandabase_django.__file__)\n"
        "from pandabase_django.crypto.keyring import generate_key; print(generate_key())"
    )
    file, key = processes.run("package", python, "-c", code).split()
    if not Path(file).is_relative_to(Path(python).parents[1]):
        raise Failed(f"not the wheel: {file}")
    return key


def _databases(stack: ExitStack, shop: Shop) -> dict[str, str]:
    cell, folder = shop.cell, shop.folder
    name = f"matrix_{cell.name.replace('-', '_').replace('.', '_')}"
    if cell.database == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{folder / 'writable' / 'shop.sqlite3'}"}
    place = folder / "servers"
    place.mkdir()
    if cell.database == "replica":
        first, second = stack.enter_context(servers.replicated(place))
        return {"DATABASE_URL": first, "SECOND_DATABASE_URL": second, "ROUTER": "ReadReplica"}
    url = stack.enter_context(servers.database(name))
    if cell.database == "pgbouncer":
        url = stack.enter_context(transaction_pooler(url, connections=4, folder=place))
    if cell.database == "pool":
        return {"DATABASE_URL": url, "DATABASE_POOL": "1"}
    if cell.database == "second":
        second = stack.enter_context(servers.database(f"{name}_2"))
        return {"DATABASE_URL": url, "SECOND_DATABASE_URL": second, "ROUTER": "Elsewhere"}
    if cell.read_only:
        parts = urlsplit(url)
        shop.relay = Relay((parts.hostname or "127.0.0.1", parts.port or 5432))
        stack.enter_context(closing(shop.relay))
        at = parts.netloc.rpartition("@")[0]
        url = parts._replace(netloc=f"{at}@127.0.0.1:{shop.relay.port}").geturl()
    return {"DATABASE_URL": url}


def _broker(stack: ExitStack, cell: Cell) -> dict[str, str]:
    # Of this run alone: what a killed run left behind is nobody's.
    queue = f"matrix-{cell.name}-{secrets.token_hex(4)}"
    if cell.broker == "file":
        return {"QUEUE": queue}
    if cell.broker == "redis":
        url = servers.URLS["redis"]
        cache = f"{url.replace('redis://', 'rediscache://', 1)}?key_prefix={queue}"
        stack.callback(servers.forget_keys, url, queue)
        return {"CELERY_BROKER_URL": url, "CACHE_URL": cache, "QUEUE": queue}
    url = servers.URLS["rabbitmq"]
    stack.callback(servers.delete_queue, url, queue)
    return {"CELERY_BROKER_URL": url, "QUEUE": queue, "QUEUE_TYPE": cell.broker}


def _start_sandbox(stack: ExitStack, processes: Processes, shop: Shop) -> None:
    process = processes.start(
        "sandbox",
        *(shop.python, "manage.py", "pandabase_sandbox", "--products", "40", "--orders", "120"),
        *("--webhook-http", "--webhook-duplicates", "1", "--webhook-time-factor", "20"),
        pipes=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise Failed("the sandbox does not start; see its log")
    shop.remote = json.loads(line)
    environment = shop.own.environment
    environment["PANDABASE_API_URL"] = shop.remote["url"]
    if not shop.cell.egress:
        return
    sandbox = urlsplit(shop.remote["url"])
    bundle, context = make_certificates(shop.folder, API_NAME)
    behind = Relay(("127.0.0.1", int(sandbox.port or 0)), tls=context)
    stack.enter_context(closing(behind))
    shop.proxy = stack.enter_context(closing(EgressProxy(API_NAME, ("127.0.0.1", behind.port))))
    environment["PANDABASE_API_URL"] = f"https://{API_NAME}:{sandbox.port}"
    environment["EGRESS_PROXY"] = f"http://127.0.0.1:{shop.proxy.port}"
    environment["CA_BUNDLE"] = str(bundle)
