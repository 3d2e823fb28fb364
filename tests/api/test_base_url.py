"""Which addresses of the remote are taken, and in which spelling."""

from __future__ import annotations

import pytest

from pandabase_django.api.base_url import normalise_base_url


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://API.pandabase.io/", "https://api.pandabase.io"),
        ("https://api.pandabase.io:443", "https://api.pandabase.io"),
        (" https://x.example:8443 ", "https://x.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://bücher.example", "https://bücher.example"),
    ],
)
def test_base_urls_have_one_spelling(text: str, normal: str) -> None:
    assert normalise_base_url(text) == normal


@pytest.mark.fact(3)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.pandabase.io",
        "http://api.pandabase.io",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "https://user@api.pandabase.io",
        "https://api.pandabase.io/v2",
        "https://api.pandabase.io?x=1",
        "ftp://api.pandabase.io",
        "https://",
        "https://[::1",
        "https://x:99999",
        "https://x;reboot",
        "https://$(id).example",
        "https://x y.example",
        "https://api.pandabase.io\\.evil.example",
        "https://-oProxy.example",
    ],
)
def test_other_base_urls_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        normalise_base_url(text)
