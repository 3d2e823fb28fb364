"""Lists of the remote: one page, all pages, and single objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from pandabase_django.api.arguments import found_operation, spelled
from pandabase_django.api.operations import Operation
from pandabase_django.api.schemas import Page
from pandabase_django.api.wire.replies import Reply
from pandabase_django.exceptions import ProtocolError

__all__ = [
    "MAX_PAGE_SIZE",
    "Caller",
    "Listing",
    "Lists",
    "Request",
    "Scrub",
    "read_single",
    "scrubbed_by",
]

MAX_PAGE_SIZE = 100  # P-19

T = TypeVar("T")


class Caller(Protocol):
    """What a namespace needs of the client."""

    @property
    def request(self) -> Request:
        """Calls an operation; see ``Client.request``."""


class Request(Protocol):
    """Calls operations of whatever name."""

    def __call__(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Call one; see ``Client.request``."""


class Scrub(Protocol):
    """Leaves out of an object what must not be read."""

    def __call__(self, data: Any, *, texts: bool = False) -> Any:
        """The object; ``texts``: see ``Listing``."""


class Listing(Generic[T]):
    """A list without single objects.

    Args:
        client: Sends the requests.
        operation: The list's operation, or its name in ``OPERATIONS``.
        read: Reads one object.
        raw: ``read`` takes a ``msgspec.Raw`` as well, and decodes of it what it needs.
        params: What the path names beside the store.
        texts: An object is of no person, but texts in it may name people.
    """

    def __init__(
        self,
        client: Caller,
        operation: str | Operation,
        read: Callable[[object], T],
        *,
        raw: bool = False,
        texts: bool = False,
        params: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._list = found_operation(operation)
        self._params = params
        self._read = read
        self._raw = raw
        self._texts = texts

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Any,
    ) -> Page[T]:
        """One page.

        Args:
            page: From 1.
            limit: 1 to 100.
            timeout: See ``Client.request``.
            filters: Query parameters of the operation in snake_case, such as ``sort_by``; those
                that the remote itself spells so, such as ``product_id``, as they are.

        Raises:
            TypeError: A filter the operation does not have, or a value of a wrong type.
            ValueError: ``page`` or ``limit`` is out of range.
            PandabaseError: See ``Client.request``.
        """
        _check_number("page", page)
        _check_number("limit", limit, most=MAX_PAGE_SIZE)
        reply = self._client.request(
            self._list,
            params=self._params,
            query={**spelled(self._list, filters), "page": page, "limit": limit},
            timeout=timeout,
        )
        content = reply.content.listed if self._raw else reply.content.decoded
        self._hide(content.data)
        return Page.from_json(
            content.data,
            read=self._scrubbed,
            replaced=content.replaced,
            request_id=reply.request_id,
            headers=reply.headers,
        )

    def _scrubbed(self, data: object) -> T:
        return self._read(scrubbed_by(self._client, data, texts=self._texts))

    def _hide(self, data: Any) -> None:
        """Take out of an answer what nothing may hold, before any of it is read."""

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Any,
    ) -> Iterator[T]:
        """Every object of the list from a page on, page by page.

        Pages are numbered, so rows may be missed or come twice when the list changes meanwhile.

        Args:
            page: Where to begin, from 1.
            limit: See ``list``.
            timeout: Of each page; see ``Client.request``.
            filters: See ``list``.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        found = self.pages(page=page, limit=limit, timeout=timeout, **filters)
        return (item for one in found for item in one.items)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Any,
    ) -> Iterator[Page[T]]:
        """Every page of the list from one on; ``page`` of each says where to resume.

        Args:
            page: Where to begin, from 1.
            limit: See ``list``.
            timeout: Of each page; see ``Client.request``.
            filters: See ``list``.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        _check_number("page", page)
        _check_number("limit", limit, most=MAX_PAGE_SIZE)
        return self._from(page, limit=limit, timeout=timeout, **filters)

    def _from(self, number: int, **query: Any) -> Iterator[Page[T]]:
        while True:
            page = self.list(page=number, **query)
            yield page
            # By the number that was asked for, whatever number the answer has.
            if number >= page.total_pages:
                return
            number += 1


class Lists(Listing[T]):
    """A list and its single objects."""

    def __init__(
        self,
        client: Caller,
        list_operation: str | Operation,
        get_operation: str | Operation,
        read: Callable[[object], T],
    ) -> None:
        super().__init__(client, list_operation, read)
        self._get = found_operation(get_operation)

    def get(self, identifier: str, *, timeout: float | None = None) -> T:
        """One object by its id.

        Args:
            identifier: Its id.
            timeout: See ``Client.request``.

        Raises:
            ObjectNotFound: The remote has none.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request(
            self._get, params={_only_parameter(self._get): identifier}, timeout=timeout
        )
        return read_single(self._scrubbed, reply)


def scrubbed_by(client: Caller, data: object, *, texts: bool = False) -> object:
    """An object as a client lets it through: see ``Client.scrub``."""
    scrub: Scrub | None = getattr(client, "scrub", None)
    return data if scrub is None else scrub(data, texts=texts)


def read_single(read: Callable[[object], T], reply: Reply, *, wrote: bool = False) -> T:
    """The one object that an answer holds.

    Args:
        read: Reads it.
        reply: The answer.
        wrote: It answers a write that carried no idempotency key.

    Raises:
        ProtocolError: It is not of the known shape.
    """
    try:
        return read(reply.data)
    except ProtocolError as error:
        message, created_id = error.message, error.created_id
    # Not inside the except clause: the context of an error is reported with its frames.
    raise ProtocolError(
        message,
        request_id=reply.request_id,
        created_id=created_id,
        # Of a write: it was done, and what it made is not known.
        outcome_unknown=wrote or bool(reply.idempotency_key),
        idempotency_key=reply.idempotency_key,
    )


def _check_number(name: str, value: object, *, most: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {type(value).__name__}.")
    if value < 1 or (most is not None and value > most):
        raise ValueError(f"{name} is at least 1" + (f" and at most {most}." if most else "."))


def _only_parameter(op: Operation) -> str:
    name: str
    (name,) = set(re.findall(r"{(\w+)}", op.path)) - {"store_id"}
    return name
