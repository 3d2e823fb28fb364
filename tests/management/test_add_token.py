"""``pandabase_add_token --activate``, and commands where something is missing."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from tests.connecting import connect

ROOT = Path(__file__).parents[2]
APPS = """
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "pandabase_django"]
SECRET_KEY = "x"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
KEY = 'PANDABASE = {"ENCRYPTION_KEYS": ["pbk1_c2l4dGVlbiBvcmRpbmFyeSB3b3JkcyBsb25nIGVub3U"]}\n'
DATABASE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}\n'
ADD = ("pandabase_add_token", "--store", "shp_a1", "--mode", "bearer", "--no-test")


def run(folder: Path, settings: str, *command: str) -> tuple[int, str, str]:
    """A command in a project of its own; its exit code, stdout and stderr."""
    return run_python(folder, settings, "-m", "django", *command)


def run_python(folder: Path, settings: str, *arguments: str) -> tuple[int, str, str]:
    """Python with the settings of a project of its own; its exit code, stdout and stderr."""
    (folder / "bare_settings.py").write_text(settings)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        input="sk_test_of_a_bare_project_1\n",
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": "bare_settings",
        },
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("activate", [True, False])
def test_a_second_token_is_active_when_that_is_asked_for(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, activate: bool
) -> None:
    first, given = connect(sandbox), sandbox.bearer_token
    monkeypatch.setattr("sys.stdin", io.StringIO(given.secret))
    out, errors = io.StringIO(), io.StringIO()
    call_command(
        *("pandabase_add_token", "--store", sandbox.store_id, "--mode", "bearer"),
        *("--base-url", sandbox.url, *(["--activate"] if activate else [])),
        stdout=out,
        stderr=errors,
    )
    second = ApiToken.objects.get(pk=out.getvalue().strip())
    first.refresh_from_db()
    roles = ("STANDBY", "ACTIVE") if activate else ("ACTIVE", "STANDBY")
    assert (first.role, second.role) == roles
    said = second.get_role_display().lower()
    assert errors.getvalue() == f"Added as {said} token of {sandbox.store_id}, marked as test.\n"


@pytest.mark.django_db(transaction=True)
def test_a_refused_token_is_neither_kept_nor_activated(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connect(sandbox)
    monkeypatch.setattr("sys.stdin", io.StringIO("sk_test_wrong"))
    with pytest.raises(CommandError) as refused:
        call_command(
            *("pandabase_add_token", "--store", sandbox.store_id, "--mode", "bearer"),
            *("--base-url", sandbox.url, "--activate"),
        )
    assert refused.value.returncode == 3
    assert [(token.pk, token.role) for token in ApiToken.objects.all()] == [(first.pk, "ACTIVE")]


def test_a_token_is_not_added_before_the_tables_are_made(tmp_path: Path) -> None:
    code, out, errors = run(tmp_path, APPS + KEY + DATABASE, *ADD)
    assert (code, out) == (1, "")
    assert "Was `migrate` run?" in errors.splitlines()[-1]
    assert "Traceback" not in errors


COMMANDS = (
    ("pandabase_check",),
    ("pandabase_sync",),
    ("pandabase_reseal",),
    ("pandabase_test_connection",),
    ADD,
)
# One process for all: its start costs more than they do.
IN_TURN = """
import sys, traceback
from django.core.management import execute_from_command_line
for command in {commands!r}:
    try:
        execute_from_command_line(["django", *command])
        code = 0
    except SystemExit as ended:
        code = ended.code
    except Exception:
        traceback.print_exc()
        code = "traceback"
    print("ended", code, file=sys.stderr)
"""


@pytest.mark.parametrize("settings", ["INSTALLED_APPS = ['pandabase_django']\n", APPS])
def test_a_project_with_hardly_a_setting_gets_a_sentence(tmp_path: Path, settings: str) -> None:
    _code, _out, errors = run_python(tmp_path, settings, "-c", IN_TURN.format(commands=COMMANDS))
    *told, rest = re.split(r"^ended (.*)\n", errors, flags=re.MULTILINE)
    assert (len(told), rest) == (2 * len(COMMANDS), "")
    for words, code in zip(told[::2], told[1::2], strict=True):
        assert code in ("1", "2"), words
        assert "Error: " in words
        assert "Traceback" not in words


@pytest.mark.thorough
def test_the_check_of_a_project_without_pages_says_what_is_missing(tmp_path: Path) -> None:
    settings = APPS + DATABASE
    assert run(tmp_path, settings, "migrate", "-v", "0")[0] == 0
    code, out, errors = run(tmp_path, settings, "pandabase_check")
    assert code == 1
    assert "ENCRYPTION_KEYS" in out
    assert errors == "CommandError: There are errors.\n"
