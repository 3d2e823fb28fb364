"""No test asks the real Pandabase by mistake: it would sell, refund and rotate for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pandabase_django.api.base_url import is_loopback
from pandabase_django.api.wire import network

__all__ = ["NetworkRefused", "Refused", "refusing_network"]


class NetworkRefused(BaseException):
    """A request of this app would have left the machine.

    Not an ``Exception``: whatever stands between the request and the test may catch those.
    """

    def __init__(self, host: str) -> None:
        super().__init__(
            f"This test would have asked {host} over the network. Take the fixture `pandabase` "
            "(without pytest: `with pandabase_django.testing.Pandabase()`), and a Pandabase inside "
            "this process answers. A test that is to ask the real one is marked "
            "`@pytest.mark.pandabase_network`."
        )


@dataclass
class Refused:
    """What was refused.

    Attributes:
        hosts: Those that would have been asked, in this order.
        error: What is raised.
    """

    hosts: list[str] = field(default_factory=list)
    error: type[NetworkRefused] = NetworkRefused

    def check(self) -> None:
        """Complain of a request that was refused, whoever has caught the error.

        Raises:
            NetworkRefused: There was one.
        """
        if self.hosts:
            raise self.error(self.hosts[0])


@contextmanager
def refusing_network() -> Iterator[Refused]:
    """Inside, requests of this app go to this machine alone.

    A proxy on this machine is no way out either.

    Raises:
        NetworkRefused: A request would have left; raised where it was made.
    """
    refused = Refused()

    def guard(host: str) -> None:
        if not is_loopback(host):
            refused.hosts.append(host)
            raise refused.error(host)

    with network.guarded_by(guard):
        yield refused
