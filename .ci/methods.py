"""Writes the methods of the clients: ``pandabase_django/api/resources`` and ``api/aio``.

``python .ci/methods.py`` writes the files, and with ``--check`` only says which of them would
change. ``.ci/spaces.py`` has a line for each operation; what it takes is known by its typed dicts
in ``api/params``, which ``.ci/params.py`` writes before.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from params import camel, formatted, write  # noqa: E402
from spaces import SPACES, Method, Space  # noqa: E402

from pandabase_django.api import params  # noqa: E402
from pandabase_django.api.operations import OPERATIONS  # noqa: E402

API = ROOT / "pandabase_django/api"
HEADER = '"""{}\n\nWritten by ``.ci/methods.py``: change that, and not this file.\n"""\n'
SEE = "\n\n        Raises:\n            PandabaseError: See ``Client.request``.\n        "


@dataclass(frozen=True)
class Signature:
    """What a method takes, and how that is handed on."""

    taken: str
    handed: str
    result: str
    arguments: str


def ids_of(method: Method) -> list[str]:
    return re.findall(r"{(\w+)}", OPERATIONS[method.operation].path)[1:]


def body_of(method: Method) -> tuple[str, bool] | None:
    """The name of the body's typed dict, and whether it may be left out."""
    name = f"{camel(method.operation)}Body"
    found: Any = getattr(params, name, None)
    if found is None or method.given:
        return None
    return name, not found.__required_keys__ and OPERATIONS[method.operation].method == "POST"


def signature(method: Method) -> Signature:
    """Of one method, without ``self``."""
    operation = OPERATIONS[method.operation]
    ids = ids_of(method)
    taken = [
        f"{name}: {params.ReportFormatPath.__annotations__['format'].__forward_arg__}"
        if name == "format"
        else f"{name}: str"
        for name in ids
    ]
    handed, arguments = list(ids), []
    if ids:
        inner = ", ".join(f'"{name}": {name}' for name in ids)
        arguments.append(f"params={{{inner}}}")
    if body := body_of(method):
        name, optional = body
        taken.append(f"body: {name} | None = None" if optional else f"body: {name}")
        handed.append("body")
        arguments.append("body=body or {}" if optional else "body=body")
    if method.given:
        taken.append(method.given[0])
        names = re.findall(r"(\w+):", method.given[0])
        star = method.given[0].find("*")
        for name in names:
            keyword = 0 <= star < method.given[0].find(f"{name}:")
            handed.append(f"{name}={name}" if keyword else name)
        arguments.append(f"body={method.given[1]}")
    if "*" not in "".join(taken):
        taken.append("*")
    if method.kind == "page":
        taken += ["page: int = 1", "limit: int = MAX_PAGE_SIZE"]
        handed += ["page=page", "limit=limit"]
    if not operation.reads:
        taken.append("idempotency_key: str | None = None")
        handed.append("idempotency_key=idempotency_key")
        arguments.append("idempotency_key=idempotency_key")
    taken.append("timeout: float | None = None")
    handed.append("timeout=timeout")
    arguments.append("timeout=timeout")
    filters = f"{camel(method.operation)}Filters"
    if hasattr(params, filters):
        taken.append(f"**filters: Unpack[{filters}]")
        handed.append("**filters")
        arguments.append("filters=filters")
    result = {
        "one": f"schemas.{method.result}" if method.result else "None",
        "get": f"schemas.{method.result}",
        "many": f"tuple[schemas.{method.result}, ...]",
        "page": f"Page[schemas.{method.result}]",
    }[method.kind]
    return Signature(", ".join(taken), ", ".join(handed), result, ", ".join(arguments))


def method_text(method: Method) -> str:
    """A method of the client."""
    known = signature(method)
    head = f"    def {method.name}(self, {known.taken}) -> {known.result}:\n"
    head += f'        """{method.doc}{SEE}"""\n'
    asked = f'self._ask("{method.operation}", {known.arguments})'
    read = method.read or f"schemas.{method.result}.from_json"
    if method.kind == "get":
        (name,) = ids_of(method)
        return f"{head}        return self.listing.get({name}, timeout=timeout)\n"
    if method.kind == "page":
        inner = ", ".join(f'"{name}": {name}' for name in ids_of(method))
        return (
            f'{head}        found = Listing(self._client, "{method.operation}", {read}, '
            f"params={{{inner}}}, texts=True)\n"
            "        return found.list(page=page, limit=limit, timeout=timeout)\n"
        )
    if not method.result:
        return f"{head}        {asked}\n"
    how = "many" if method.kind == "many" else "one"
    return f"{head}        reply = {asked}\n        return self._{how}({read}, reply)\n"


def lists_of(space: Space) -> Iterator[tuple[str, str, str, str]]:
    """Name, parameters, result and first line of the methods of a list."""
    if space.lists is None:
        return
    operation, result = space.lists
    several = space.name.replace("_", " ")
    taken = "*, page: int = 1, limit: int = MAX_PAGE_SIZE, timeout: float | None = None"
    filters = f"{camel(operation)}Filters"
    if hasattr(params, filters):
        taken += f", **filters: Unpack[{filters}]"
    item = f"schemas.{result}"
    yield "list", taken, f"Page[{item}]", f"One page of {several}; see ``Listing.list``."
    doc = f"Every {space.of} from a page on; see ``Listing.iterate``."
    yield "iterate", taken, f"Iterator[{item}]", doc
    doc = f"Every page of {several} from one on; see ``Listing.pages``."
    yield "pages", taken, f"Iterator[Page[{item}]]", doc


def handed_of(taken: str) -> str:
    filters = ", **filters" if "**filters" in taken else ""
    return f"page=page, limit=limit, timeout=timeout{filters}"


def space_text(space: Space) -> str:
    """A namespace of the client."""
    lines = [f'class {camel(space.name)}(Namespace):\n    """{space.doc}{space.about}']
    lines[0] += '\n    """\n' if space.about else '"""\n'
    if space.lists:
        operation, result = space.lists
        item = f"schemas.{result}"
        get = next((one for one in space.methods if one.kind == "get"), None)
        kind = space.kind if space.kind != "Listing" else "Lists" if get else "Listing"
        second = f'"{get.operation}", ' if get else ""
        made = space.listing or f'{kind}(client, "{operation}", {second}{item}.from_json)'
        typed = kind if kind == "LicenseLists" else f"{kind}[{item}]"
        lines.append("    def __init__(self, client: Caller) -> None:")
        lines.append("        super().__init__(client)")
        lines.append(f"        self.listing: {typed} = {made}")
        lines += [f"        {space.extra}"] if space.extra else []
        lines.append("")
    for name, taken, result, doc in lists_of(space):
        lines.append(f"    def {name}(self, {taken}) -> {result}:\n" + f'        """{doc}"""')
        lines.append(f"        return self.listing.{name}({handed_of(taken)})\n")
    lines += [method_text(method) for method in space.methods]
    return "\n".join(lines)


def async_text(space: Space) -> str:
    """The same for the asynchronous client."""
    title = camel(space.name)
    lines = [f'class Async{title}(AsyncNamespace[{title}]):\n    """{space.doc}"""\n']
    for name, taken, result, doc in lists_of(space):
        inner = f"self._sync.{name if name == 'list' else 'pages'}"
        handed = handed_of(taken)
        head = f"{'async ' if name == 'list' else ''}def {name}(self, {taken})"
        lines.append(f"    {head} -> {result.replace('Iterator[', 'AsyncIterator[')}:")
        lines.append(f'        """{doc}"""')
        call = f"{inner}({handed})"
        lines.append(
            {
                "list": f"        return await self._run({inner}, {handed})\n",
                "iterate": f"        return self._items({call})\n",
                "pages": f"        return self._each({call})\n",
            }[name]
        )
    for method in space.methods:
        known = signature(method)
        lines.append(f"    async def {method.name}(self, {known.taken}) -> {known.result}:")
        lines.append(f'        """{method.doc}{SEE}"""')
        given = "return " if known.result != "None" else ""
        lines.append(f"        {given}await self._run(self._sync.{method.name}, {known.handed})\n")
    return "\n".join(lines)


def module(doc: str, spaces: tuple[Space, ...], *, sync: bool) -> str:
    """One file."""
    code = "\n\n".join((space_text if sync else async_text)(space) for space in spaces)
    prefix = "" if sync else "Async"
    exported = sorted(f"{prefix}{camel(space.name)}" for space in spaces)

    def used(names: list[str]) -> str:
        return ", ".join(name for name in names if re.search(rf"\b{name}\b", code))

    typed = used([name for name in params.__all__ if name != "Requests"])
    abstract = used(["AsyncIterator", "Callable", "Iterator", "Sequence"])
    lines = [HEADER.format(doc), "from __future__ import annotations\n"]
    if abstract:
        lines.append(f"from collections.abc import {abstract}")
    typing = [*(["Literal"] if "Literal[" in code else []), "TYPE_CHECKING"]
    if "Unpack[" in code or len(typing) > 1:
        lines.append(f"from typing import {', '.join(typing)}\n")
    lines.append("from pandabase_django.api import schemas")
    if names := used(["MAX_PAGE_SIZE", "Caller", "Listing", "Lists"]):
        lines.append(f"from pandabase_django.api.listing import {names}")
    if typed:
        lines.append(f"from pandabase_django.api.params import {typed}")
    if sync:
        base = used(["LicenseLists", "Namespace"])
        lines.append(f"from pandabase_django.api.resources.base import {base}")
    else:
        plain = ", ".join(sorted(camel(space.name) for space in spaces))
        lines.append("from pandabase_django.api.aio.base import AsyncNamespace")
        lines.append(f"from pandabase_django.api.resources import {plain}")
    if "Page[" in code:
        lines.append("from pandabase_django.api.schemas import Page")
    if "Unpack[" in code:
        lines.append("\nif TYPE_CHECKING:\n    from typing_extensions import Unpack")
    lines.append(f"\n__all__ = {exported!r}\n\n")
    text = "\n".join(lines) + code
    return text if "Unpack[" in code else text.replace(", TYPE_CHECKING", "")


def package(*, sync: bool) -> str:
    """All namespaces of a client."""
    prefix = "" if sync else "Async"
    folder = "resources" if sync else "aio"
    doc = "The client's methods, by subject." if sync else "The asynchronous client's methods."
    names = {
        name: sorted(f"{prefix}{camel(space.name)}" for space in spaces)
        for name, (_, spaces) in SPACES.items()
    }
    spaces = [space for _, some in SPACES.values() for space in some]
    attributes = "".join(
        f"        self.{space.name}: {prefix}{camel(space.name)} = "
        + (
            f"{camel(space.name)}(client)\n"
            if sync
            else f"Async{camel(space.name)}(client.{space.name}, run)\n"
        )
        for space in spaces
    )
    taken = "client: Caller" if sync else "client: Namespaces, run: Run"
    lines = [
        HEADER.format(doc),
        "from __future__ import annotations\n",
        *(
            f"from pandabase_django.api.{folder}.{name} import {', '.join(found)}"
            for name, found in sorted(names.items())
        ),
        "from pandabase_django.api.listing import Caller"
        if sync
        else "from pandabase_django.api.aio.base import Run\n"
        "from pandabase_django.api.resources import Namespaces",
        "",
        f"__all__ = {sorted([f'{prefix}Namespaces', *chain(*names.values())])!r}\n\n",
        f"class {prefix}Namespaces:",
        f'    """{doc}"""\n',
        f"    def __init__(self, {taken}) -> None:",
        attributes,
    ]
    return "\n".join(lines)


def files() -> dict[Path, str]:
    """What the files hold."""
    texts: dict[Path, str] = {}
    for folder, sync in (("resources", True), ("aio", False)):
        for name, (doc, spaces) in SPACES.items():
            texts[API / folder / f"{name}.py"] = module(doc, spaces, sync=sync)
        texts[API / folder / "__init__.py"] = package(sync=sync)
    return {path: formatted(text) for path, text in texts.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    sys.exit(write(files(), check=parser.parse_args().check))
