"""A mistake in the encryption keys is told without a key in reach of any report."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils.functional import SimpleLazyObject, lazy

from pandabase_django.checks import check_settings
from pandabase_django.conf import DEFAULTS, conf
from pandabase_django.crypto.keyring import Keyring, current_keyring
from pandabase_django.exceptions import ConfigurationError
from tests.frames import shown_by

GOOD = "pbk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
CANARY = "pbk1_by4zfpJzSQMKoGFCWKoWd-k-S5CiZNmaV150HWNl"


def _fail() -> Any:
    vault = CANARY
    raise KeyError(vault)


MISTAKES: dict[str, Callable[[], Any]] = {
    "a text": lambda: CANARY,
    "bytes": lambda: CANARY.encode(),
    "bytes in a list": lambda: [CANARY.encode()],
    "none in a list": lambda: [CANARY, None],
    "an int in a list": lambda: [GOOD, CANARY, 7],
    "too short": lambda: [GOOD, CANARY],
    "too long": lambda: [CANARY + "obsAAAA"],
    "not base64": lambda: [CANARY + "!!!!"],
    "not ascii": lambda: [CANARY + "é\ud800"],
    "a wrong prefix": lambda: ["pbk2_" + CANARY],
    "no prefix": lambda: [base64.b64encode(CANARY.encode()).decode()],
    "white space": lambda: [f" {CANARY}obs "],
    "several in one text": lambda: [f"{GOOD},{CANARY}obs"],
    "twice": lambda: [GOOD, CANARY + "obs", CANARY + "obs"],
    "a dict": lambda: {"key": CANARY},
    "a set": lambda: {CANARY},
    "a nested list": lambda: [[CANARY]],
    "a generator": lambda: (key for key in [CANARY]),
    "a path": lambda: Path(CANARY),
    "a callable": lambda: lambda: CANARY,
    "a lazy list": lambda: SimpleLazyObject(lambda: [CANARY]),
    "a lazy text": lambda: [lazy(lambda: CANARY, str)()],
    "a lazy that fails": lambda: SimpleLazyObject(_fail),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_variable_of_any_frame_holds_a_key(mistake: str, settings: Any) -> None:
    settings.PANDABASE = {"ENCRYPTION_KEYS": MISTAKES[mistake]()}
    for _ in range(2):  # what was cached the first time is met the second time
        with pytest.raises(ConfigurationError) as caught:
            current_keyring()
        shown = shown_by(caught.value)
        assert "ENCRYPTION_KEYS" in shown
        assert CANARY not in shown
        assert base64.b64encode(CANARY.encode()).decode() not in shown


@pytest.mark.parametrize("mistake", MISTAKES)
def test_neither_checks_nor_commands_show_a_key(
    mistake: str, settings: Any, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PANDABASE = {"ENCRYPTION_KEYS": MISTAKES[mistake]()}
    messages = check_settings(None)
    assert [message.id for message in messages][:1][0] in ("pandabase.E001", "pandabase.E003")
    assert CANARY not in repr(messages)
    for arguments in (["pandabase_reseal"], ["pandabase_reseal", "--check"]):
        with pytest.raises(CommandError) as caught:
            call_command(*arguments)
        assert CANARY not in shown_by(caught.value)
    assert CANARY not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "value",
    [
        [("ENCRYPTION_KEYS", [CANARY])],
        CANARY,
        {CANARY: 1},
        {"ENCRYPTION_KEYS": [GOOD], ("x", CANARY): 1},
    ],
)
def test_a_key_in_the_wrong_place_of_the_settings_is_not_shown(value: Any) -> None:
    with override_settings(PANDABASE=value), pytest.raises(ConfigurationError) as caught:
        current_keyring()
    assert CANARY not in shown_by(caught.value)


@pytest.mark.parametrize("name", ["API_URL", "CONCURRENCY", "ROTATION_SPOOL"])
def test_a_key_under_the_name_of_another_setting_is_not_shown(name: str) -> None:
    with override_settings(PANDABASE={name: [CANARY]}), pytest.raises(ConfigurationError) as caught:
        getattr(conf, name.lower())
    assert CANARY not in shown_by(caught.value)


def test_a_keyring_made_of_a_malformed_text_does_not_show_it() -> None:
    with pytest.raises(ConfigurationError, match="Key 2") as caught:
        Keyring.from_texts([GOOD, CANARY])
    assert CANARY not in shown_by(caught.value)


# What stands in the place of another setting, as a merge or a copied line puts it there.
MISPLACED: dict[str, Callable[[], Any]] = {
    "a text": lambda: CANARY,
    "bytes": lambda: CANARY.encode(),
    "a list": lambda: [CANARY],
    "a tuple": lambda: (CANARY,),
    "a set": lambda: {CANARY},
    "a dict": lambda: {CANARY: CANARY},
    "a dict of a scheme": lambda: {"https": [CANARY]},
    "a private key": lambda: f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n",
    "a text with NUL": lambda: f"{CANARY}\x00",
    "a lone surrogate": lambda: f"{CANARY}\ud800",
    "a malformed URL": lambda: f"http://user:{CANARY}@[::1",
    "a URL of an odd port": lambda: f"http://user:{CANARY}@host:port",
    "a lazy that fails": lambda: SimpleLazyObject(_fail),
    "a list of a lazy that fails": lambda: [SimpleLazyObject(_fail)],
    "a dict of a lazy that fails": lambda: {"https": SimpleLazyObject(_fail)},
}


@pytest.mark.parametrize("misplaced", MISPLACED)
@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_no_setting_shows_what_was_put_there_by_mistake(
    name: str, misplaced: str, settings: Any
) -> None:
    settings.PANDABASE = {name: MISPLACED[misplaced]()}
    met: Exception | None = None
    try:
        getattr(conf, name.lower())
    except ConfigurationError as error:  # where it fits, as a path does, there is none
        met = error
    if met is not None:
        assert name in str(met)
        assert CANARY not in shown_by(met)
    if name not in ("API_URL", "RATE_LIMIT_CACHE"):  # texts of any form
        assert CANARY not in repr(check_settings(None))


def test_settings_that_fail_as_a_whole_are_no_dict(settings: Any) -> None:
    settings.PANDABASE = SimpleLazyObject(_fail)
    with pytest.raises(ConfigurationError, match="must be a dict") as caught:
        current_keyring()
    assert CANARY not in shown_by(caught.value)
    assert CANARY not in repr(check_settings(None))
