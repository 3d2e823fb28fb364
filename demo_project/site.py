"""The demo's web server, and the people who may sign in there."""

from __future__ import annotations

import secrets
import socket
import time

from django.contrib.auth import get_user_model
from django.db import connections

from demo_project.processes import Processes

__all__ = ["BUYER", "OWNER", "make_people", "start_site"]

OWNER, BUYER = "demo", "buyer"
START_SECONDS = 20


def make_people() -> str:
    """An owner, who sees the admin, and a buyer. Returns the password of both."""
    password = secrets.token_urlsafe(12)
    for name, is_owner in ((OWNER, True), (BUYER, False)):
        user, _ = get_user_model().objects.get_or_create(
            username=name, defaults={"is_staff": is_owner, "is_superuser": is_owner}
        )
        user.set_password(password)
        user.save()
    return password


def start_site(processes: Processes, manage: str, port: int) -> str:
    """Start the web server; returns its address.

    Args:
        processes: Stops it in the end.
        manage: Path of ``manage.py``.
        port: Where; 0 takes a free one.

    Raises:
        OSError: It does not answer.
    """
    connections.close_all()
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    server = processes.start(manage, "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}")
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}"
        time.sleep(0.1)
    raise OSError(f"No web server answers at port {port}.")
