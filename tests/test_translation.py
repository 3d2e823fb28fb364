"""Every word that people read goes through gettext, and all of it is there in German."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polib
import pytest
from django.contrib.auth.models import User
from django.test import Client

from pandabase_django.api.permissions import RESOURCES
from tests.admin.conftest import *  # noqa: F403  the rows of the admin's tests
from tests.admin.rights.enumeration import pages
from tests.required import skip

PACKAGE = Path(__file__).resolve().parents[1] / "pandabase_django"
CATALOGUE = PACKAGE / "locale/de/LC_MESSAGES/django.po"

# Arguments whose text people read.
READ_BY_PEOPLE = {
    *("description", "help_text", "label", "title", "verbose_name"),
    *("when_empty", "why_read_only"),
}
TAGS = re.compile(
    r"\{% block (?:bodyclass|coltype) %\}.*?\{% endblock %\}|\{#.*?#\}"
    r"|\{% comment %\}.*?\{% endcomment %\}"
    r"|\{% blocktranslate\b.*?\{% endblocktranslate %\}|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
ATTRIBUTES = {"alt", "aria-label", "placeholder", "title", "data-copied"}


class Words(HTMLParser):
    """Texts and readable attributes of a piece of HTML, scripts and code left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._skipping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipping += tag in ("script", "style", "code", "pre")
        for name, value in attrs:
            if name in ATTRIBUTES and value:
                self.found.append(value.strip())

    def handle_endtag(self, tag: str) -> None:
        self._skipping -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._skipping and data.strip():
            self.found.append(data.strip())


def words(html: str) -> list[str]:
    reader = Words()
    reader.feed(html)
    return reader.found


@pytest.mark.parametrize(
    "template", sorted(PACKAGE.glob("templates/**/*.html")), ids=lambda path: path.name
)
def test_a_template_says_nothing_past_gettext(template: Path) -> None:
    left = words(TAGS.sub(" ", template.read_text()))
    # CSV and the like are the same in every language.
    assert [text for text in left if re.search(r"[A-Za-z]{2}", text)] == []


@pytest.mark.parametrize(
    "module",
    sorted([*PACKAGE.glob("admin/**/*.py"), *PACKAGE.glob("models/**/*.py")]),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_label_in_python_goes_through_gettext(module: Path) -> None:
    bare = []
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            texts = [k.value for k in node.keywords if k.arg in READ_BY_PEOPLE]
            if name in ("message_user", "success", "error", "warning", "info"):
                texts += node.args[1:3]
            # An f-string or a bare text; what a name holds was wrapped where it was made.
            bare += [
                ast.unparse(text)
                for text in texts
                if isinstance(text, ast.JoinedStr)
                or (isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value)
            ]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            targets = {
                getattr(target, "id", getattr(target, "attr", "")) for target in node.targets
            }
            if targets & READ_BY_PEOPLE and node.value.value:
                bare.append(ast.unparse(node))
    assert bare == []


def test_german_is_complete() -> None:
    entries = [entry for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete]
    assert len(entries) > 500
    assert [entry.msgid for entry in entries if not entry.translated()] == []


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    source = polib.pofile(str(CATALOGUE))
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))

    def texts(catalogue: Any) -> dict[Any, Any]:
        return {
            (entry.msgctxt, entry.msgid): entry.msgstr_plural or entry.msgstr for entry in catalogue
        }

    assert texts(source) == texts(compiled)


def test_the_catalogue_has_what_the_code_says_and_nothing_else(tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        skip("gettext", reason="xgettext is not installed: apt-get install gettext")
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["makemessages", "-l", "de", "--no-location", "--no-obsolete", "-e", "html,py"]
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = polib.pofile(str(copy / CATALOGUE.relative_to(PACKAGE)))
    ours = {(e.msgctxt, e.msgid, e.msgid_plural) for e in polib.pofile(str(CATALOGUE))}
    said = {(e.msgctxt, e.msgid, e.msgid_plural) for e in made}
    assert said - ours == set(), "run `make messages`, and translate"
    assert ours - said == set(), "run `make messages`"


@pytest.mark.django_db
def test_german_pages_leave_no_word_in_english(rows: dict[str, Any], settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    english = {
        entry.msgid[:1].upper() + entry.msgid[1:]
        for entry in polib.pofile(str(CATALOGUE))
        if len(entry.msgid) > 3 and entry.msgid.lower() != entry.msgstr.lower()
    }
    # The grid of permissions names resources as their codes do.
    english -= {resource.title() for resource in RESOURCES}
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    left = set()
    for page in pages():
        if not page.name or page.part == "history":
            continue
        owner = page.model_admin.model._meta.model_name if page.model_admin else "store"
        answer = client.get(page.url(rows[str(owner)]))
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            left |= {
                (page.name, text)
                for text in words(answer.content.decode())
                if (text[:1].upper() + text[1:]).rstrip(":") in english
            }
    assert not left, "\n".join(f"{name}: {text}" for name, text in sorted(left))
