"""Follows docs/first-steps.md to the letter, in an empty project.

Run inside a project that ``django-admin startproject shop`` has made, with the Python that the
reader would use first on PATH. A Python block names its file in its first line and is appended to
that file; a shell block is run as it stands. What the reader brings (the token's secret, its ids,
the address of the API) comes from the environment: a sandbox stands in for Pandabase. So blocks
that name a terminal, which start a sandbox and copy what it prints, are left out.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
# Of the check: warnings, as of beat that has not run yet.
FINE = (0, 4)


def main(page: str) -> None:
    blocks = BLOCK.findall(Path(page).read_text(encoding="utf-8"))
    if len(blocks) < 7:
        sys.exit("The page shows too few blocks.")
    script = []
    for language, text in blocks:
        if language == "python":
            name = re.match(r"# (\S+\.py)", text)
            if name is None:
                sys.exit(f"A Python block names no file:\n{text}")
            script.append(f"cat >>{name[1]} <<'PYTHON'\n{text}PYTHON\n")
        else:
            script.append(text)
    last = script.pop()
    for text, fine in (("\n".join(script) + "\nexport -p >.exported\n", (0,)), (last, FINE)):
        before = "" if fine == (0,) else ". ./.exported\n"
        code = subprocess.run(["bash", "-euvo", "pipefail", "-c", before + text], check=False)
        if code.returncode not in fine:
            sys.exit(f"The page's lines ended with {code.returncode}.")


main(sys.argv[1])
