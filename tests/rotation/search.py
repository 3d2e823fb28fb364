"""A search through all sequences of decisions, up to a number of misfortunes, or by chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

CHANCE = 0.25  # of a misfortune at each choice of a wanderer


class Chooser:
    """Answers each question by a recorded path, then by 0, and remembers what it was asked.

    0 is always the good outcome; any other costs a misfortune, and with none left only 0 is
    possible.
    """

    def __init__(self, path: list[int], *, misfortunes: int) -> None:
        self._path = path
        self._left = misfortunes
        self.taken: list[int] = []
        self.sizes: list[int] = []
        self.labels: list[str] = []

    def calm(self) -> None:
        """From here on nothing goes wrong."""
        self._left = 0

    def choose(self, label: str, options: list[str]) -> str:
        size = len(options) if self._left else 1
        place = len(self.taken)
        taken = self._path[place] if place < len(self._path) else 0
        self.taken.append(taken)
        self.sizes.append(size)
        if taken:
            self._left -= 1
            self.labels.append(f"{label}={options[taken]}")
        return options[taken]


def paths(run: Callable[[Chooser], None], *, misfortunes: int) -> Iterator[Chooser]:
    """Every path through the choices of ``run``, each run once, depth first."""
    path: list[int] = []
    while True:
        chooser = Chooser(path, misfortunes=misfortunes)
        run(chooser)
        yield chooser
        taken, sizes = chooser.taken, chooser.sizes
        while taken and taken[-1] + 1 >= sizes[len(taken) - 1]:
            taken = taken[:-1]
        if not taken:
            return
        path = [*taken[:-1], taken[-1] + 1]


class Wanderer(Chooser):
    """Chooses by chance: a path that an exhaustive search would be long in coming to."""

    def __init__(self, random: Random, *, misfortunes: int) -> None:
        super().__init__([], misfortunes=misfortunes)
        self._random = random

    def choose(self, label: str, options: list[str]) -> str:
        wanted = 0
        if self._left and self._random.random() < CHANCE:
            wanted = self._random.randrange(len(options))
        self._path = [*self.taken, wanted]
        return super().choose(label, options)
