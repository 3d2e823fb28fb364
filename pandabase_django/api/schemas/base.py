"""What all objects of the remote have in common, and a page of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pandabase_django.api.digests import digest_of
from pandabase_django.api.reading import MAX_ID_CHARACTERS, Fields
from pandabase_django.api.schemas.declared import read_declared
from pandabase_django.exceptions import ProtocolError, interruptions
from pandabase_django.observing.logs import get_logger

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Page", "Parsed", "children", "ids", "texts"]

T = TypeVar("T")

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """An object of the remote, read by what its fields declare (see ``declared``).

    Attributes:
        kind: What an object of this class is called in errors.
    """

    kind: ClassVar[str]
    payload: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        return digest_of(self.payload)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read one object of an answer.

        Raises:
            ProtocolError: It is no object, or has no usable id.
        """
        f = Fields(data, kind=cls.kind)
        values = read_declared(cls, f)
        return cls(**values, payload=f.payload(), warnings=tuple(f.warnings))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list (Source: P-19).

    Attributes:
        items: The objects that could be read.
        total_pages: As the remote says, or more when its pages hold fewer rows than it says.
        received: How many the page had, unreadable ones included.
        warnings: What could not be read or stored as it came.
        request_id: Names the answer to Pandabase's support.
        headers: Of the answer; found by name in any case.
    """

    items: tuple[T, ...]
    page: int
    limit: int
    total: int
    total_pages: int
    received: int
    warnings: tuple[str, ...] = ()
    request_id: str = ""
    headers: Mapping[str, str] = field(repr=False, compare=False, default_factory=dict)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @property
    def has_more(self) -> bool:
        """There are pages after this one."""
        return self.page < self.total_pages

    @classmethod
    def from_json(
        cls,
        data: object,
        *,
        read: Callable[[object], T],
        replaced: tuple[str, ...] = (),
        request_id: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Page[T]:
        """Read a list answer.

        Args:
            data: What was under ``data``.
            read: Reads one object.
            replaced: What could not be stored as it came.
            request_id: Of the answer.
            headers: Of the answer.

        Raises:
            ProtocolError: It has not items and a pagination.
        """
        fields = Fields(data, kind="list")
        raw = fields.data.get("items")
        pagination = Fields(fields.data.get("pagination"), kind="list's pagination")
        numbers = [pagination.integer(n) for n in ("page", "limit", "total", "totalPages")]
        if not isinstance(raw, list) or any(n is None or n < 0 for n in numbers):
            raise ProtocolError("A list came without its items or its pagination.")
        page, limit, total, total_pages = (n or 0 for n in numbers)
        if 0 < len(raw) < limit and page < total_pages:
            # It gives fewer rows a page than it says: then there are more pages than it says.
            total_pages = max(total_pages, -(-total // len(raw)))
        items: list[T] = []
        warnings = list(replaced)
        for place, item in enumerate(raw):
            try:
                items.append(read(item))
            except ProtocolError as error:
                warnings.append(f"Page {page}, row {place + 1} was left out: {error}")
            except interruptions():
                raise
            except Exception as error:
                # A mistake of ours must not keep the other rows away.
                logger.exception("A row of a list could not be read.")
                warnings.append(
                    f"Page {page}, row {place + 1} was left out: {type(error).__name__}."
                )
        return cls(
            items=tuple(items),
            page=page,
            limit=limit,
            total=total,
            total_pages=total_pages,
            received=len(raw),
            warnings=tuple(warnings),
            request_id=request_id,
            headers=headers or {},
        )


def children(parent: Fields, name: str, read: Callable[[object], Any]) -> tuple[Any, ...] | None:
    """Nested objects; None when nothing was said of them, which is not the same as none."""
    listed = parent.items(name)
    if listed is None:
        return None
    children: list[Any] = []
    for place, data in enumerate(listed):
        try:
            child = read(data)
        except ProtocolError:
            parent.warnings.append(f"{name}[{place}] is not an object; it was left out.")
            continue
        parent.warnings.extend(f"{name}[{place}]: {text}" for text in child.warnings)
        children.append(child)
    return tuple(children)


def ids(parent: Fields, name: str) -> tuple[str, ...] | None:
    """Ids of related objects, given as ids or as objects with an id; None as of ``children``."""
    listed = parent.items(name)
    if listed is None:
        return None
    found: dict[str, None] = {}
    for data in listed:
        value = data.get("id") if isinstance(data, dict) else data
        if isinstance(value, str) and len(value) > MAX_ID_CHARACTERS:
            parent.warnings.append(
                f"{name} has an id longer than {MAX_ID_CHARACTERS} characters; it was left out."
            )
        elif isinstance(value, str) and value:
            found[value] = None
    return tuple(found)


def texts(parent: Fields, name: str) -> tuple[str, ...] | None:
    """Nested texts; None as of ``children``."""
    listed = parent.items(name)
    return None if listed is None else tuple(one for one in listed if isinstance(one, str))
