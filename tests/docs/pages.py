"""What the pages of the project show, for tests that run it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["BLOCK", "ROOT", "blocks"]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)


def blocks(page: str, language: str = "python", *, holding: str = "") -> list[str]:
    """The blocks of a page in their order, of those that hold a text if one is named.

    Args:
        page: Its path from the root, as ``docs/client.md``.
    """
    return [
        block
        for of, block in BLOCK.findall((ROOT / page).read_text("utf-8"))
        if of == language and holding in block
    ]
