"""What the methods of all namespaces have in common. They are written by ``.ci/methods.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pandabase_django.api import schemas
from pandabase_django.api.arguments import spelled
from pandabase_django.api.listing import Caller, Lists, read_single, scrubbed_by
from pandabase_django.api.operations import OPERATIONS
from pandabase_django.api.wire.replies import Reply
from pandabase_django.exceptions import ProtocolError

__all__ = ["LicenseLists", "Namespace"]

T = TypeVar("T")


class Namespace:
    """Methods of one subject.

    Args:
        client: Sends the requests.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def _ask(
        self,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        filters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Reply:
        found = OPERATIONS[operation]
        return self._client.request(
            found,
            params=params,
            query=spelled(found, filters or {}),
            body=None if body is None else dict(body),
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def _one(self, read: Callable[[object], T], reply: Reply) -> T:
        """The object of an answer."""
        return read_single(lambda data: read(scrubbed_by(self._client, data)), reply)

    def _many(self, read: Callable[[object], T], reply: Reply) -> tuple[T, ...]:
        """The objects of an answer that has no pages.

        Raises:
            ProtocolError: It is no list.
        """
        data = reply.data
        listed = data.get("items") if isinstance(data, dict) else data
        if not isinstance(listed, list):
            raise ProtocolError("An answer is no list.", request_id=reply.request_id)
        return tuple(read(scrubbed_by(self._client, item)) for item in listed)


class LicenseLists(Lists[schemas.License]):
    """Licences, their keys out of sight (Source: P-51).

    Args:
        client: Sends the requests.
        read: Reads one.
    """

    def __init__(
        self, client: Caller, *, read: Callable[[object], schemas.License] = schemas.read_license
    ) -> None:
        super().__init__(client, "licenses_list", "license_get", read)

    def _hide(self, data: Any) -> None:
        schemas.hide_keys(data)

    def _scrubbed(self, data: object) -> schemas.License:
        self._hide({"items": [data]})
        return super()._scrubbed(data)
