"""Docstrings of what shops import say what types can't."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

from tests.docs.docstrings import EXAMPLES, lacks, public


def test_every_public_name_is_documented() -> None:
    names = dict(public())
    assert len(names) > 150
    assert {name: found for name, value in names.items() if (found := lacks(name, value))} == {}


def test_what_shops_call_most_has_an_example_that_is_python() -> None:
    seen = set()
    for name, value in public():
        short = name.partition(".")[2]
        if short not in EXAMPLES:
            continue
        for block in re.findall(r"::\n\n((?:    .*\n?|\n)+)", inspect.getdoc(value) or ""):
            ast.parse(f"def example():\n{textwrap.indent(textwrap.dedent(block), '    ')}")
            assert short.rpartition(".")[2] in block
            seen.add(short)
    assert seen == EXAMPLES
