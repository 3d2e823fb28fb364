"""Requests and the connection report take the proxy and the authorities of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import checks

from pandabase_django.checks import check_settings
from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError, TransportError
from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.tokens.diagnosis import Diagnosis, diagnose
from tests.connecting import connect
from tests.frames import shown_by
from tests.tokens.ways_out import Proxy, encrypted, private_authority

pytestmark = pytest.mark.django_db

PASSWORD = "canary-pass-f00d"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return private_authority(tmp_path)


@pytest.fixture
def far(sandbox: Sandbox, files: tuple[Path, Path]) -> Iterator[tuple[str, ApiToken]]:
    """The sandbox behind https, and a token of it."""
    with encrypted(sandbox.url, certificate=files[1]) as url:
        yield url, connect(sandbox, base_url=url, test=False)


def put(settings: Any, **values: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, **values}


def lines(report: Diagnosis) -> dict[str, bool | None]:
    return {line.title: line.ok for line in report.lines}


def test_a_private_authority_is_trusted_where_it_is_named(
    far: tuple[str, ApiToken], files: tuple[Path, Path], settings: Any
) -> None:
    _url, token = far
    with (
        pytest.raises(TransportError, match=r"No TLS connection to 127\.0\.0\.1:\d+: .*issuer"),
        client_for(token, hurried=True) as client,
    ):
        client.products.list()
    assert lines(diagnose(token))["Encryption (TLS)"] is False
    put(settings, CA_BUNDLE=str(files[0]))
    with client_for(token) as client:
        assert client.products.list().total == 10
    report = diagnose(token)
    assert report.ok, report.lines


@pytest.mark.parametrize("kind", ["one URL", "by scheme"])
def test_requests_and_the_report_go_through_the_proxy(
    far: tuple[str, ApiToken], files: tuple[Path, Path], settings: Any, kind: str
) -> None:
    url, token = far
    proxy = Proxy(credentials=f"shop:{PASSWORD}")
    with proxy.running() as port:
        address = f"http://shop:{PASSWORD}@127.0.0.1:{port}"
        proxies = address if kind == "one URL" else {"https": address}
        put(settings, CA_BUNDLE=files[0], PROXIES=proxies)
        with client_for(token) as client:
            assert client.products.list().total == 10
        report = diagnose(token)
        assert report.ok, report.lines
        assert lines(report)["Way through the proxy"] is True
        assert PASSWORD not in repr(report)
        assert set(proxy.targets) == {"CONNECT " + url.removeprefix("https://")}
        assert len(proxy.targets) == 3


def test_a_sandbox_is_reached_through_a_proxy_on_this_machine(
    sandbox: Sandbox, settings: Any
) -> None:
    token = connect(sandbox)
    proxy = Proxy()
    with proxy.running() as port:
        put(settings, PROXIES=f"http://127.0.0.1:{port}")
        with client_for(token) as client:
            assert client.products.list().total == 10
    assert proxy.targets[0].startswith(f"GET {sandbox.url}/v2/core/")
    # A request in clear takes no proxy on another machine.
    put(settings, PROXIES="http://proxy.invalid:3128")
    with client_for(token) as client:
        assert client.products.list().total == 10


@pytest.mark.parametrize("state", ["wrong password", "down"])
def test_a_proxy_that_lets_nothing_through_is_named_without_its_password(
    far: tuple[str, ApiToken], files: tuple[Path, Path], settings: Any, state: str
) -> None:
    _url, token = far
    with Proxy(credentials="shop:another").running() as port:
        put(settings, CA_BUNDLE=files[0], PROXIES=f"http://shop:{PASSWORD}@127.0.0.1:{port}")
        if state == "down":
            put(settings, PROXIES=f"http://shop:{PASSWORD}@127.0.0.1:9")
        with (
            pytest.raises(TransportError, match=r"The proxy 127\.0\.0\.1:\d+") as caught,
            client_for(token, hurried=True) as client,
        ):
            client.products.list()
        assert caught.value.executed is False
        assert ("HTTP 407" in str(caught.value)) is (state == "wrong password")
        report = diagnose(token)
        failed = [line for line in report.lines if line.ok is False]
        assert [line.title for line in failed] == [
            "Way through the proxy" if state == "wrong password" else "Connection (TCP)"
        ]
        for shown in (shown_by(caught.value), repr(report)):
            assert PASSWORD not in shown
            assert "c2hvcDp" not in shown  # the same in Base64


@pytest.mark.parametrize(
    "value",
    [
        f"proxy.example:3128:{PASSWORD}",
        f"socks5://u:{PASSWORD}@proxy.example",
        f"http://u:{PASSWORD}@",
        f"http://u:{PASSWORD}@proxy.example:99999",
        f"http://u:{PASSWORD}@proxy.example/path",
        {"ftp": f"http://u:{PASSWORD}@proxy.example"},
        {"https": None, PASSWORD: ""},
        [PASSWORD],
        7,
    ],
)
def test_a_proxy_that_is_malformed_is_told_at_start_and_not_shown(
    settings: Any, value: Any
) -> None:
    put(settings, PROXIES=value)
    with pytest.raises(ConfigurationError, match="PROXIES") as caught:
        _ = conf.proxies
    assert PASSWORD not in shown_by(caught.value)
    (message,) = check_settings(None)
    assert message.id == "pandabase.E001"
    assert PASSWORD not in message.msg


@pytest.mark.parametrize(("content", "wanted"), [(None, "E001"), ("no certificate", "E016")])
def test_authorities_that_can_not_be_read_are_told_at_start(
    settings: Any, tmp_path: Path, content: str | None, wanted: str
) -> None:
    place = tmp_path / "authorities.pem"
    if content is not None:
        place.write_text(content)
    put(settings, CA_BUNDLE=place)
    errors = [m for m in check_settings(None) if m.level >= checks.ERROR]
    assert [(m.id, "CA_BUNDLE" in m.msg) for m in errors] == [(f"pandabase.{wanted}", True)]
