"""The wheel, and an environment for it with what a cell needs."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from cells import Cell
from processes import Failed

__all__ = ["built_wheel", "environment_of", "interpreter", "versions"]

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = "redis,demo"


def built_wheel(folder: Path) -> Path:
    """Build what is committed, as a release does, unless it was built of the same files."""
    made_of = folder.parent / "built-of"
    parts = ("HEAD:pandabase_django", "HEAD:setup.cfg", "HEAD:pyproject.toml", "HEAD:README.md")
    trees = subprocess.run(
        ["git", "rev-parse", *parts], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    found = list(folder.glob("*.whl"))
    if found and made_of.exists() and made_of.read_text() == trees:
        return found[0]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, str(ROOT / ".ci" / "release.py"), "build", str(folder)]
    with (folder.parent / "build.log").open("wb") as log:
        subprocess.run(command, check=True, cwd=ROOT, stdout=log, stderr=log)
    (wheel,) = folder.glob("*.whl")
    made_of.write_text(trees)
    return wheel


def interpreter(version: str) -> str:
    """Path of a Python; "" where there is none."""
    found = [shutil.which(f"python{version}") or ""]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], check=True, capture_output=True, text=True)
        found += sorted(glob.glob(f"{root.stdout.strip()}/versions/{version}.*/bin/python"))
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        found.insert(0, sys.executable)
    return next((path for path in found if path and _is(path, version)), "")


def environment_of(cell: Cell, *, wheel: Path, folder: Path) -> Path:
    """Python of an environment that has the wheel; made once, and the wheel when it changed.

    Raises:
        Failed: Something can't be installed.
    """
    wanted = " ".join((cell.python, *cell.packages))
    place = folder / f"{cell.python}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
    python, holds = place / "bin" / "python", place / "holds"
    built = hashlib.sha256(wheel.read_bytes()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    # Two runs may be at work.
    with (folder / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not holds.exists():
            shutil.rmtree(place, ignore_errors=True)
            _call(interpreter(cell.python), "-m", "venv", str(place))
            _call(*_pip(python), f"{wheel}[{EXTRAS}]", *cell.packages)
        elif holds.read_text() != built:
            _call(*_pip(python), "--no-deps", "--force-reinstall", str(wheel))
        holds.write_text(built)
    return python


def versions(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of Python and of these distributions."""
    code = (
        "import importlib.metadata as m, json, platform, sys\n"
        "print(json.dumps({'Python': platform.python_version(),"
        " **{name: m.version(name) for name in sys.argv[1:]}}))"
    )
    done = subprocess.run(
        [python, "-I", "-c", code, *names], check=True, capture_output=True, text=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _is(path: str, version: str) -> bool:
    code = f"import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    return subprocess.run([path, "-c", code], check=False, capture_output=True).returncode == 0


def _pip(python: Path) -> tuple[str, ...]:
    # The first process compiles what is imported, which is a small part.
    return (str(python), "-m", "pip", "install", "--quiet", "--no-compile")


def _call(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command[1:4])}: {done.stderr.strip().splitlines()[-1:]}")
