"""Writes ``pandabase_django/api/params`` from the vendor's description of the Store API.

``python .ci/params.py DESCRIPTION`` writes the files, and with ``--check`` only says which of them
would change. Of the description only names, types and lists of values are taken, no sentences.
"""

from __future__ import annotations

import argparse
import ast
import json
import keyword
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pandabase_django.api.operations import OPERATIONS, Operation  # noqa: E402

PARAMS = "pandabase_django/api/params"
HEADER = '"""{}\n\nWritten by ``.ci/params.py``: change that, and not this file.\n"""\n'
SUBJECTS = {
    "catalog": ("products", "categories", "coupons"),
    "sales": ("orders", "customers", "refunds", "disputes"),
    "money": ("payouts", "analytics", "reports"),
    "subscriptions": ("subscriptions", "licenses"),
    "usage": ("usage", "meters"),
    "support": ("cases", "webhooks"),
}
TITLES = {
    "catalog": "products, categories and coupons",
    "sales": "orders and what follows them",
    "money": "payouts, the ledger, analytics and reports",
    "subscriptions": "subscriptions and licences",
    "usage": "usage events and meters",
    "support": "cases and webhooks",
}
# Lists of values that grow with the vendor's features: others than the known ones may be given.
OPEN = {("webhook_create", "eventTypes"), ("webhook_update", "eventTypes"), ("ledger_list", "type")}
# By name it is asked for by ``Client.roll_secret`` alone, which keeps whatever part of the answer
# arrives.
NOT_BY_NAME = {"secret_roll"}
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


class Described(NamedTuple):
    """What the description says of one operation."""

    operation: Operation
    query: dict[str, dict[str, Any]]
    path: dict[str, dict[str, Any]]
    required: frozenset[str]
    body: dict[str, Any] | None


class Subject:
    """The typed dicts of one file."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.parts: list[str] = []

    def add(self, name: str, doc: str, fields: Mapping[str, str], required: frozenset[str]) -> None:
        """A typed dict; what may be left out is in a class of its own, as 3.10 has it."""
        self.names.append(name)
        base = "TypedDict"
        odd = {key: value for key, value in fields.items() if keyword.iskeyword(key)}
        if odd:
            inner = ", ".join(f"{key!r}: {value!r}" for key, value in odd.items())
            total = "" if required >= odd.keys() else ", total=False"
            self.parts.append(f"_{name}Words = TypedDict('_{name}Words', {{{inner}}}{total})")
            base = f"_{name}Words"
        needed = [key for key in fields if key in required and key not in odd]
        others = [key for key in fields if key not in required and key not in odd]
        if needed and others:
            body = "".join(f"    {key}: {fields[key]}\n" for key in needed)
            self.parts.append(f"class _{name}({base}):\n{body}")
            base = f"_{name}"
        own = others or needed
        total = ", total=False" if others else ""
        body = "".join(f"    {key}: {fields[key]}\n" for key in own)
        self.parts.append(f'class {name}({base}{total}):\n    """{doc}"""\n\n{body}')

    def text(self, title: str) -> str:
        code = "\n\n".join(self.parts)
        typing = ["TypedDict", *(["Literal"] if "Literal[" in code else [])]
        lines = [HEADER.format(f"Bodies, filters and paths: {title}. Amounts are minor units.")]
        lines.append("from __future__ import annotations\n")
        if "Sequence[" in code:
            lines.append("from collections.abc import Sequence")
        if "datetime" in code:
            lines.append("from datetime import datetime")
        lines.append(f"from typing import {', '.join(sorted(typing))}\n")
        lines.append(f"__all__ = {sorted(self.names)!r}\n\n")
        return "\n".join(lines) + code


def described(path: Path) -> Iterator[Described]:
    """All operations of the description, in the order of the table."""
    found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    for route, methods in json.loads(path.read_text())["paths"].items():
        shape = re.sub(r"{\w+}", "{}", route.rstrip("/"))
        found |= {(method.upper(), shape): (route, said) for method, said in methods.items()}
    for operation in OPERATIONS.values():
        if not operation.path.startswith("/v2/core"):
            continue
        shape = re.sub(r"{\w+}", "{}", operation.path.removeprefix("/v2/core"))
        route, said = found[operation.method, shape]
        given = {(one["in"], one["name"]): one for one in said.get("parameters", ())}
        query = {name: one["schema"] for (place, name), one in given.items() if place == "query"}
        if query.keys() != operation.query:
            raise SystemExit(f"{operation.name} takes {sorted(query)}: the table says otherwise.")
        body = said.get("requestBody", {}).get("content", {}).get("application/json", {})
        ours = re.findall(r"{(\w+)}", operation.path)[1:]
        theirs = re.findall(r"{(\w+)}", route)[1:]
        path_schemas = {
            our: given["path", name]["schema"] for our, name in zip(ours, theirs, strict=True)
        }
        yield Described(
            operation,
            query=query,
            path=path_schemas,
            required=frozenset(
                name for (_, name), one in given.items() if one["in"] == "query" and one["required"]
            ),
            body=body.get("schema"),
        )


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def snake(name: str) -> str:
    text = re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)
    return f"{text}_" if keyword.iskeyword(text) else text


def path_name(path: Mapping[str, Any]) -> str:
    return "".join(camel(name.removesuffix("_id")) for name in path) + "Path"


def type_of(schema: dict[str, Any], *, subject: Subject, name: str, open_: bool = False) -> str:
    """A schema as Python's type; objects become typed dicts of this name."""
    choices = schema.get("anyOf", [schema])
    values = [value for one in choices for value in one.get("enum", ())]
    kinds = [f"Literal[{', '.join(repr(value) for value in values)}]"] if values else []
    if values and open_:
        kinds.append("str")
    for one in choices:
        if "anyOf" in one:
            kinds.append(type_of(one, subject=subject, name=name, open_=open_))
        elif "enum" not in one:
            kinds.append(_plain(one, subject=subject, name=name, open_=open_))
    return " | ".join(dict.fromkeys(kinds))


def _plain(schema: dict[str, Any], *, subject: Subject, name: str, open_: bool) -> str:
    if not schema:
        return "object"  # anything
    kind = schema["type"]
    if kind == "null":
        return "None"
    if kind == "array":
        single = re.sub(r"ie$", "y", name.removesuffix("s"))
        return f"Sequence[{type_of(schema['items'], subject=subject, name=single, open_=open_)}]"
    if kind != "object":
        return SCALARS[kind]
    if "properties" not in schema:
        return f"dict[str, {SCALARS[schema['additionalProperties']['type']]}]"
    _object(schema, subject=subject, name=name, doc="A part of a body.", operation="")
    return name


def _object(
    schema: dict[str, Any], *, subject: Subject, name: str, doc: str, operation: str
) -> None:
    prefix = name.removesuffix("Body")
    fields = {
        key: type_of(
            value,
            subject=subject,
            name=f"{prefix}{key[0].upper()}{key[1:]}",
            open_=(operation, key) in OPEN,
        )
        for key, value in schema["properties"].items()
    }
    subject.add(name, doc, fields, frozenset(schema.get("required", ())))


def query_types(one: Described) -> dict[str, str]:
    dates = {name for name, schema in one.query.items() if schema.get("format") == "date-time"}
    return {
        name: "datetime | str"
        if name in dates
        else type_of(schema, subject=Subject(), name="", open_=(one.operation.name, name) in OPEN)
        for name, schema in one.query.items()
    }


def add_types(one: Described, subject: Subject) -> None:
    """All typed dicts of one operation."""
    name, title = one.operation.name, camel(one.operation.name)
    if one.path and path_name(one.path) not in subject.names:
        fields = {key: type_of(value, subject=subject, name="") for key, value in one.path.items()}
        doc = f"What the path of ``{name}`` names."
        subject.add(path_name(one.path), doc, fields, frozenset(fields))
    if one.query:
        types = query_types(one)
        subject.add(f"{title}Query", f"Query of ``{name}``.", types, one.required)
        filters = {
            snake(key): value for key, value in types.items() if key not in ("page", "limit")
        }
        if filters:
            doc = f"Filters of the method for ``{name}``."
            required = frozenset(snake(key) for key in one.required)
            subject.add(f"{title}Filters", doc, filters, required)
    if one.body:
        doc = f"Body of ``{name}``."
        _object(one.body, subject=subject, name=f"{title}Body", doc=doc, operation=name)


def subject_of(operation: Operation) -> str | None:
    parts = re.findall(r"(?<=/)[a-z][\w-]*", operation.path.partition("{store_id}")[2])
    key = "meters" if "meters" in parts else parts[0] if parts else ""
    return next((name for name, keys in SUBJECTS.items() if key in keys), None)


def overload_of(one: Described) -> str:
    """How ``request`` is called for one operation."""
    title = camel(one.operation.name)
    given = [f"operation: Literal[{one.operation.name!r}]", "*"]
    if one.path:
        given.append(f"params: {path_name(one.path)}")
    if one.query:
        given.append(f"query: {title}Query{'' if one.required else ' | None = None'}")
    if one.body:
        needed = one.body.get("required") or one.operation.method == "PATCH"
        given.append(f"body: {title}Body{'' if needed else ' | None = None'}")
    if not one.operation.reads:
        given.append("idempotency_key: str | None = None")
    given.append("timeout: float | None = None")
    return f"    @overload\n    def __call__(self, {', '.join(given)}) -> R_co: ...\n"


def requests_text(found: list[Described]) -> str:
    """The module that says how ``request`` is called, by the operation's name."""
    logs = Described(OPERATIONS["request_logs_list"], {}, {}, frozenset(), None)
    overloads = [overload_of(one) for one in found]
    overloads.append(
        overload_of(logs).replace("timeout:", "query: PageQuery | None = None, timeout:")
    )
    names = sorted(
        set(re.findall(r": (\w+(?:Path|Query|Body))", "".join(overloads))) - {"PageQuery"}
    )
    where = {name: module for module, subject in _subjects(found).items() for name in subject.names}
    imports = defaultdict(list)
    for name in sorted(names):
        imports[where[name]].append(name)
    lines = [
        HEADER.format("How ``request`` is called, by the name of the operation."),
        "from __future__ import annotations\n",
        "from collections.abc import Mapping",
        "from typing import Any, Literal, Protocol, TypedDict, TypeVar, overload\n",
        "from pandabase_django.api.operations import Operation",
        *(
            f"from pandabase_django.api.params.{module} import {', '.join(imports[module])}"
            for module in sorted(imports)
        ),
        '\n__all__ = ["PageQuery", "Requests"]\n',
        'R_co = TypeVar("R_co", covariant=True)\n\n',
        'class PageQuery(TypedDict, total=False):\n    """Query of a list without filters."""\n',
        "    page: int\n    limit: int\n\n",
        "class Requests(Protocol[R_co]):",
        '    """``request`` of a client, which gives an ``R_co``.',
        "",
        "    Whoever has the name in a variable gives the operation itself.",
        '    """\n',
        *overloads,
        "    @overload",
        "    def __call__(self, operation: Operation, *, params: Mapping[str, str] | None = None, "
        "query: Mapping[str, Any] | None = None, body: Any = None, "
        "idempotency_key: str | None = None, timeout: float | None = None) -> R_co: ...",
    ]
    return "\n".join(lines)


def exports_text(found: list[Described]) -> str:
    """The package: all typed dicts, those of the Checkout API too, which are written by hand."""
    tree = ast.parse((ROOT / PARAMS / "checkout.py").read_text())
    by_hand = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    names = {module: subject.names for module, subject in _subjects(found).items()}
    names |= {"checkout": by_hand, "requests": ["PageQuery", "Requests"]}
    lines = [
        HEADER.format("What callers give to the APIs, as typed dicts in the remote's spelling."),
        "from __future__ import annotations\n",
        *(
            f"from pandabase_django.api.params.{module} import {', '.join(sorted(names[module]))}"
            for module in sorted(names)
        ),
        f"\n__all__ = {sorted(name for found in names.values() for name in found)!r}",
    ]
    return "\n".join(lines)


def _subjects(found: list[Described]) -> dict[str, Subject]:
    subjects: dict[str, Subject] = {name: Subject() for name in SUBJECTS}
    placed: set[str] = set()
    for one in found:
        name = subject_of(one.operation)
        if name is None:
            continue
        # A path of the same name may be of two subjects: the first one has it.
        known = {path_name(one.path)} & placed if one.path else set()
        placed |= {path_name(one.path)} if one.path else set()
        add_types(one._replace(path={}) if known else one, subjects[name])
    return subjects


def files(description: Path) -> dict[Path, str]:
    """What the files hold."""
    found = list(described(description))
    texts = {f"{name}.py": subject.text(TITLES[name]) for name, subject in _subjects(found).items()}
    texts["requests.py"] = requests_text(found)
    texts["__init__.py"] = exports_text(found)
    return {ROOT / PARAMS / name: formatted(text) for name, text in texts.items()}


def formatted(text: str) -> str:
    """As ``ruff format`` writes it, and imports in order."""
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    name = ["--stdin-filename", str(ROOT / PARAMS / "written.py"), "-"]
    for command in (["check", "--fix", "--select", "F401,I,RUF022", "--quiet"], ["format"]):
        done = subprocess.run(
            [*ruff, *command, *name],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        text = done.stdout
    return text


def write(texts: Mapping[Path, str], *, check: bool) -> int:
    """Write what differs, or say it; gives the exit code."""
    changed = [
        path for path, text in texts.items() if not path.exists() or path.read_text() != text
    ]
    for path in changed:
        print(f"{'differs' if check else 'written'}: {path.relative_to(ROOT)}")  # noqa: T201
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path])
    return int(check and bool(changed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("description", type=Path, help="core-openapi.json")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    sys.exit(write(files(given.description), check=given.check))
