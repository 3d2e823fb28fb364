"""Says of ``request`` what each operation takes, to type checkers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast, overload

from pandabase_django.api.params.requests import Requests

__all__ = ["ByName", "typed_by_name"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class ByName(Protocol[R_co]):
    """A method ``request``."""

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., R_co]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Requests[R_co]: ...


def typed_by_name(method: Callable[..., R]) -> ByName[R]:
    """The same method. Checkers see an overload for each operation (``params.requests``)."""
    return cast("ByName[R]", cast("Any", method))
