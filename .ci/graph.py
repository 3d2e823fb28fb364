"""Prints the house as it is: modules and lines of each folder, who imports whom, and circles.

Run by ``make graph``. The rules that must hold are import-linter's contracts in setup.cfg, and
``tests/test_architecture.py``; this shows where the code stands.
"""

from __future__ import annotations

import configparser
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import grimp

ROOT = "pandabase_django"
LAYERS = "importlinter:contract:layers"


def folders() -> dict[str, list[Path]]:
    """Modules of each folder beside its ``__init__``, by the folder's dotted name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(Path(ROOT).rglob("*.py")):
        modules = found.setdefault(".".join(path.parent.parts), [])
        if path.name != "__init__.py":
            modules.append(path)
    return found


def room_of(module: str, rooms: set[str]) -> str:
    """The folder that a module is in; the module itself at the top."""
    package = module if module in rooms else module.rpartition(".")[0]
    return module if package == ROOT else package


def main() -> None:
    graph = grimp.build_graph(ROOT, cache_dir=None)
    rooms = folders()
    arrows: Counter[tuple[str, str]] = Counter()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pair = (room_of(importer, {*rooms}), room_of(imported, {*rooms}))
            arrows[pair] += pair[0] != pair[1]
    arrows = +arrows
    write = sys.stdout.write
    write(f"{'modules':>7} {'lines':>6} {'out':>4} {'in':>4}  folder\n")
    for room, modules in rooms.items():
        lines = sum(path.read_text().count("\n") for path in modules)
        out = sum(number for (source, _), number in arrows.items() if source == room)
        into = sum(number for (_, target), number in arrows.items() if target == room)
        write(f"{len(modules):>7} {lines:>6} {out:>4} {into:>4}  {room}\n")
    write(f"\n{len(graph.modules)} modules, {graph.count_imports()} imports\n")
    write("\nArrows between folders, the thickest first\n")
    for (source, target), number in arrows.most_common():
        write(f"{number:>7}  {source} -> {target}\n")
    write("\nLayers, the upper may import the lower\n")
    parser = configparser.ConfigParser()
    parser.read("setup.cfg")
    for layer in parser[LAYERS]["layers"].split("\n"):
        write(f"         {layer}\n" if layer else "")
    write("\nFolders that import each other (imports whose removal would end it)\n")
    for room in rooms:
        for importer, imported in sorted(graph.nominate_cycle_breakers(room)):
            write(f"         {room}: {importer} -> {imported}\n")


if __name__ == "__main__":
    main()
