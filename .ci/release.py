"""Makes a release: version, changelog, commit, wheel and sdist, their checks, parts, a tag.

    python .ci/release.py build dist    wheel and sdist, made twice and compared byte for byte
    python .ci/release.py check dist    metadata and README as the package index reads them; SBOM
    python .ci/release.py cut 0.2.0     all of it, from a clean tree, up to the tag

Nothing is uploaded here: the tag, once pushed, starts .github/workflows/publish.yml.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INIT = ROOT / "pandabase_django" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"
KEPT = ROOT / "tests" / "database" / "released"
UNRELEASED = "## Unreleased\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("build", "check"):
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path)
        command.add_argument("--tag", help="must be the version's, and the changelog must have it")
    commands.add_parser("cut").add_argument("version")
    given = parser.parse_args()
    if given.command == "cut":
        cut(given.version)
        return
    if given.tag:
        refuse_another_version(given.tag)
    {"build": build, "check": check}[given.command](given.folder)


def cut(version: str) -> None:
    """From a clean tree to a tag that can be pushed."""
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        sys.exit(f"{version} is no version such as 0.2.0 or 0.2.0rc1.")
    if told("git", "status", "--porcelain"):
        sys.exit("The tree has changes: commit or remove them first.")
    tag = f"v{version}"
    if told("git", "tag", "--list", tag):
        sys.exit(f"{tag} is there already.")
    # Of a version that changes the tables; later versions upgrade its database in their tests.
    if re.fullmatch(r"\d+\.\d+\.0", version) and not (KEPT / f"{version}.json").exists():
        sys.exit(f"First: python -m tests.database.released.make {version}")
    log = CHANGELOG.read_text(encoding="utf-8")
    news = log.partition(UNRELEASED)[2].partition("\n## ")[0]
    if not news.strip():
        sys.exit(f"CHANGELOG.md has nothing under “{UNRELEASED.strip()}”.")
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    dated = log.replace(UNRELEASED, f"{UNRELEASED}\n## {version} - {today}\n", 1)
    CHANGELOG.write_text(dated, encoding="utf-8")
    code = INIT.read_text(encoding="utf-8")
    INIT.write_text(
        re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', code), encoding="utf-8"
    )
    run("git", "commit", "--all", "--message", f"Release {version}")
    folder = ROOT / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    build(folder)
    check(folder)
    run("git", "tag", "--annotate", tag, "--message", f"pandabase-django {version}")
    say(f"Ready. Look at dist/, then: git push origin HEAD {tag}")


def refuse_another_version(tag: str) -> None:
    """A tag that is not of the code it stands at would publish something else under its name."""
    if tag != f"v{version_here()}":
        sys.exit(f"The tag is {tag}, the code is {version_here()}.")
    if f"\n## {version_here()} - " not in CHANGELOG.read_text(encoding="utf-8"):
        sys.exit(f"CHANGELOG.md has no dated section for {version_here()}.")


def build(folder: Path) -> None:
    """Two builds from what is committed, which must be the same bytes."""
    with tempfile.TemporaryDirectory() as name:
        rounds = [_built(Path(name) / number) for number in ("first", "second")]
        first, second = (
            {file.name: file.read_bytes() for file in made.iterdir()} for made in rounds
        )
        if first != second:
            differing = [file for file in first if first[file] != second.get(file)]
            sys.exit(f"Two builds differ: {differing or [*first, *second]}")
        folder.mkdir(exist_ok=True)
        for file in rounds[0].iterdir():
            shutil.copy(file, folder)
            say(f"{file.name}: {file.stat().st_size} bytes, the same twice")
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, str(ROOT / ".ci" / "check_wheel.py"), str(wheel))


def _built(place: Path) -> Path:
    """One build from a copy, so that no file of an earlier one is packed."""
    place.mkdir()
    packed = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    (place / "tree").mkdir()
    subprocess.run(["tar", "-x"], cwd=place / "tree", check=True, input=packed.stdout)
    out = place / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), "."],
        cwd=place / "tree",
        env={**os.environ, "SOURCE_DATE_EPOCH": str(_committed_at())},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (sdist,) = out.glob("*.tar.gz")
    _without_times(sdist)
    return out


def _without_times(sdist: Path) -> None:
    """setuptools writes the time of the build and its user into an sdist, but not into a wheel."""
    plain = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=plain, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid = _committed_at(), 0, 0
            member.uname = member.gname = ""
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    with (
        sdist.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=_committed_at()) as out,
    ):
        out.write(plain.getvalue())


def check(folder: Path) -> None:
    """What the package index would refuse or show wrongly; and the list of parts."""
    files = [str(file) for pattern in ("*.whl", "*.tar.gz") for file in folder.glob(pattern)]
    run(sys.executable, "-m", "twine", "check", "--strict", *files)
    (wheel,) = folder.glob("*.whl")
    with tempfile.TemporaryDirectory() as name:
        venv.create(name, with_pip=True)
        python = str(Path(name) / "bin" / "python")
        run(python, "-m", "pip", "install", "--quiet", str(wheel))
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
        parts = str(folder / f"pandabase_django-{version_here()}.cdx.json")
        run(
            sys.executable,
            "-m",
            "cyclonedx_py",
            "environment",
            python,
            "--output-reproducible",
            "-o",
            parts,
        )
    say(f"{parts}: what an installation consists of today")


def _committed_at() -> int:
    return int(told("git", "log", "-1", "--format=%ct"))


def version_here() -> str:
    return re.search(r'__version__ = "(.*)"', INIT.read_text(encoding="utf-8"))[1]


def told(*command: str) -> str:
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
