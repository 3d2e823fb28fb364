"""Follows docs/selling.md to the letter, in the project that the first steps have made.

Run there after ``first_steps.py``. A block of another terminal runs until the end. What a person
does in a browser is done by one without JavaScript. What the last lines print is compared with the
page.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

# Not as a part of its package, which would choose the demo's settings for all that is started here.
sys.path.append(str(Path(__file__).resolve().parents[1] / "demo_project"))

from buying import Browser

BLOCK = re.compile(r"^```(\w+)(?: terminal=(\d))?\n(.*?)^```", re.M | re.S)
# A block that goes into a file names it in its first line.
FILE = re.compile(r"(?:#|\{#) (\S+\.(?:py|html))")
SITE = "http://127.0.0.1:8000"
PATIENCE_SECONDS = 60.0


def main(page: str) -> None:
    """Follow the page; exits with what went wrong."""
    blocks = BLOCK.findall(Path(page).read_text(encoding="utf-8"))
    *before, (_, _, last), (kind, _, expected) = blocks
    if len(blocks) < 10 or kind != "text":
        sys.exit("The page shows too few blocks, or does not end with what is printed.")
    started: list[subprocess.Popen[bytes]] = []
    try:
        for language, terminal, text in before:
            if language == "sh" and terminal:
                started.append(_start(text, log=f"terminal{terminal}.log"))
            elif language == "sh":
                subprocess.run(_bash(text), check=True)
            else:
                _write(text)
        _buy()
        _wait_for(last, expected)
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _bash(text: str) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", f". ./.exported\n{text}"]


def _start(text: str, *, log: str) -> subprocess.Popen[bytes]:
    with Path(log).open("wb") as output:
        return subprocess.Popen(
            _bash(text), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def _write(text: str) -> None:
    name = FILE.match(text)
    if name is None:
        sys.exit(f"A block names no file:\n{text}")
    path = Path(name[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _buy() -> None:
    browser = Browser()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            browser.read(f"{SITE}/admin/")
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    browser.submit("password", username="ada", password="panda-panda")
    browser.read(f"{SITE}/")
    browser.submit("offer")
    browser.submit("email", email="buyer@example.com", action="pay")
    while "it is paid" not in browser.read(browser.url):
        if time.monotonic() > deadline:
            sys.exit(f"{browser.url} does not say that it is paid.")
        time.sleep(1)
    sys.stdout.write(f"Paid: {browser.url}\n")


def _wait_for(text: str, expected: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        done = subprocess.run(_bash(text), check=False, text=True, capture_output=True)
        if done.stdout == expected:
            sys.stdout.write(done.stdout)
            return
        if time.monotonic() > deadline:
            sys.exit(f"The page says:\n{expected}\nPrinted was:\n{done.stdout}{done.stderr}")
        time.sleep(0.5)


main(sys.argv[1])
