"""A process of a shop that has loaded Django, and forks for each piece of code it is given.

So each piece runs in a process of its own, as a command would, and costs no start of Python. Run
as a module: a line of JSON with the code comes in, one with exit code, output and errors goes out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback

import django

__all__: list[str] = []


def _run(code: str, out: int, err: int) -> None:
    """In the child: what it prints goes into the two files, and it never returns."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    status = 1
    try:
        exec(code, {"__name__": "__main__", "json": json})
        status = 0
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main() -> None:
    django.setup()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            child = os.fork()
            if not child:
                _run(json.loads(line), out.fileno(), err.fileno())
            _, status = os.waitpid(child, 0)
            out.seek(0)
            err.seek(0)
            told = [os.waitstatus_to_exitcode(status), out.read(), err.read()]
        print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
