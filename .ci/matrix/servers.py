"""Servers of a cell: what must be there already, and what is started for it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from urllib.parse import urlsplit

import kombu
import psycopg
import redis
from processes import Failed, until

from tests.ports import free_port

__all__ = [
    "URLS",
    "database",
    "delete_queue",
    "forget_keys",
    "missing",
    "nginx",
    "program",
    "replicated",
]

URLS = {
    "postgresql": os.environ.get(
        "MATRIX_POSTGRESQL", "postgres://postgres@127.0.0.1:5432/postgres"
    ),
    "redis": os.environ.get("MATRIX_REDIS", "redis://127.0.0.1:6379/14"),
    "rabbitmq": os.environ.get("MATRIX_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"),
}
PORTS = {"postgres": 5432, "redis": 6379, "amqp": 5672}
REPLICA_LAG_SECONDS = 3
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-server.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ text/css css; }}
    server {{
        listen 127.0.0.1:{port};
        location {path}/static/ {{ alias {static}/; }}
        location {path}/ {{
            proxy_pass http://127.0.0.1:{upstream}{passed};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            client_max_body_size 256k;
            client_body_timeout 15s;
        }}
    }}
}}
"""


def program(name: str) -> str:
    """Its path; "" where it is not installed."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or ""


def missing(need: str) -> str:
    """Why a cell that needs this can't run; "" if it can."""
    if need in URLS:
        parts = urlsplit(URLS[need])
        with socket.socket() as probe:
            probe.settimeout(2)
            where = (parts.hostname or "127.0.0.1", parts.port or PORTS[parts.scheme])
            answers = probe.connect_ex(where) == 0
        return "" if answers else f"no {need} answers at {where[0]}:{where[1]}"
    if need == "postgresql-programs":
        return "" if _postgresql() else "the programs of a PostgreSQL server are not installed"
    if need == "mounts":
        tried = subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True)
        return "" if tried.returncode == 0 else "no right to mount (unshare -m)"
    return "" if program(need) else f"{need} is not installed"


@contextmanager
def database(name: str) -> Iterator[str]:
    """URL of a new, empty database, which is dropped at the end."""
    server = URLS["postgresql"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def nginx(folder: Path, *, path: str, static: Path, upstream: int, strip: bool) -> Iterator[int]:
    """Port of an nginx that serves the shop under a path, and its static files.

    Args:
        folder: For its files.
        path: Sub-path, with a slash in front.
        static: Folder of the static files.
        upstream: Port of the web server.
        strip: Whether the web server gets paths without the sub-path.
    """
    port = free_port()
    values: Mapping[str, object] = {
        "folder": folder,
        "user": "user root;" if os.geteuid() == 0 else "",
        "port": port,
        "path": path,
        "static": static,
        "upstream": upstream,
        "passed": "/" if strip else "",
    }
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(**values))
    command = [program("nginx"), "-c", str(settings), "-p", str(folder)]
    with _serving(command, port, folder / "nginx.log"):
        yield port


@contextmanager
def replicated(folder: Path) -> Iterator[tuple[str, str]]:
    """URLs of a PostgreSQL of its own and of its replica, which applies commits seconds late."""
    become = []
    if os.geteuid() == 0:  # it refuses to work for root
        become = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, pwd.getpwnam("postgres").pw_uid)
    programs = _postgresql()
    first, second = folder / "first", folder / "second"
    ports = free_port(), free_port()

    def call(name: str, *arguments: str) -> None:
        command = [*become, f"{programs}/{name}", *arguments]
        log = (folder / f"{name}.log").open("ab")
        with log:
            subprocess.run(
                command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start(data: Path, port: int) -> None:
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call("pg_ctl", "-D", str(data), "-o", options, "-l", f"{data}.server.log", "-w", "start")

    call("initdb", "-D", str(first), "-U", "postgres", "-A", "trust", "--no-sync")
    running = []
    try:
        start(first, ports[0])
        running.append(first)
        source = f"host=127.0.0.1 port={ports[0]} user=postgres"
        call("pg_basebackup", "-D", str(second), "-R", "-c", "fast", "--no-sync", "-d", source)
        with (second / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"recovery_min_apply_delay = '{REPLICA_LAG_SECONDS}s'\n")
        start(second, ports[1])
        running.append(second)
        urls = [f"postgres://postgres@127.0.0.1:{port}/postgres" for port in ports]
        yield urls[0], urls[1]
    finally:
        for data in reversed(running):
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def forget_keys(url: str, name: str) -> None:
    """Delete the keys of Redis in whose names this is."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"*{name}*"):
            client.delete(key)


def delete_queue(url: str, name: str) -> None:
    """Delete a queue of RabbitMQ with what is in it."""
    with kombu.Connection(url) as connection:
        connection.channel().queue_delete(name)


def _postgresql() -> str:
    found = sorted(glob("/usr/lib/postgresql/*/bin"))
    return found[-1] if found else os.path.dirname(shutil.which("initdb") or "")


@contextmanager
def _serving(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def listens() -> bool:
        if process.poll() is not None:
            raise Failed(f"{command[0]} ended: {log.read_text()[-300:]}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(f"{command[0]} listens", listens, seconds=30)
        yield
    finally:
        process.terminate()
        process.wait()
