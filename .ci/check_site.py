"""A built page loads nothing from another server: it is read without a network as well."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LOADED = {
    ".html": re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]+"),
    ".css": re.compile(r"(?:@import|url\()[^;)]*//[^;)]+"),
}

pages = [path for path in Path(sys.argv[1]).rglob("*") if path.suffix in LOADED]
found = [
    f"{path}: {match[0]}"
    for path in pages
    for match in LOADED[path.suffix].finditer(path.read_text(encoding="utf-8"))
]
if found or len(pages) < 20:
    sys.exit("\n".join(found) or "There are too few pages.")
sys.stdout.write(f"{len(pages)} files load nothing from elsewhere.\n")
