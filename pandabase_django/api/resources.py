"""The client's typed namespaces: ``client.orders.get``, ``.list``, ``.iterate``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from pandabase_django.api import schemas
from pandabase_django.api.operations import OPERATIONS, Operation
from pandabase_django.api.replies import Reply
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import ProtocolError

__all__ = [
    "MAX_PAGE_SIZE",
    "Caller",
    "Listing",
    "Lists",
    "Orders",
    "Products",
    "Store",
    "Webhooks",
]

MAX_PAGE_SIZE = 100  # P-19

T = TypeVar("T")


class Caller(Protocol):
    """What a namespace needs of the client."""

    def request(
        self,
        operation: str | Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Reply:
        """Call an operation; see ``Client.request``."""


class Listing(Generic[T]):
    """A list without single objects."""

    def __init__(self, client: Caller, operation: str, read: Callable[[object], T]) -> None:
        self._client = client
        self._list = OPERATIONS[operation]
        self._read = read

    def list(self, *, page: int = 1, limit: int = MAX_PAGE_SIZE, **filters: Any) -> Page[T]:
        """One page.

        Args:
            page: From 1.
            limit: 1 to 100.
            filters: Query parameters of the operation in snake_case, such as ``sort_by``.

        Raises:
            TypeError: A filter the operation does not have.
            PandabaseError: See ``Client.request``.
        """
        query = {_camel(name): value for name, value in filters.items()}
        reply = self._client.request(self._list, query={**query, "page": page, "limit": limit})
        return Page.from_json(reply.data, read=self._read, replaced=reply.replaced)

    def iterate(self, *, limit: int = MAX_PAGE_SIZE, **filters: Any) -> Iterator[T]:
        """Every object of the list, page by page.

        Pages are numbered, so rows may be missed or come twice when the list changes meanwhile.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        number = 0
        while True:
            number += 1
            page = self.list(page=number, limit=limit, **filters)
            yield from page.items
            if number >= page.total_pages:
                return


class Lists(Listing[T]):
    """A list and its single objects."""

    def __init__(
        self, client: Caller, list_operation: str, get_operation: str, read: Callable[[object], T]
    ) -> None:
        super().__init__(client, list_operation, read)
        self._get = OPERATIONS[get_operation]

    def get(self, identifier: str) -> T:
        """One object by its id.

        Raises:
            ObjectNotFound: The remote has none.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request(self._get, params={_only_parameter(self._get): identifier})
        return _read_single(self._read, reply)


class Products(Lists[schemas.Product]):
    """Products, and their changes."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client, "products_list", "product_get", schemas.Product.from_json)

    def create(self, body: Mapping[str, Any]) -> schemas.Product:
        """Make a product of the remote's own field names.

        Raises:
            InvalidRequest: The remote does not accept the values.
            PandabaseError: See ``Client.request``.
        """
        return _read_single(self._read, self._client.request("product_create", body=dict(body)))

    def update(self, identifier: str, body: Mapping[str, Any]) -> schemas.Product:
        """Change some fields of a product.

        Raises:
            InvalidRequest: The remote does not accept the values.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request(
            "product_update", params={"product_id": identifier}, body=dict(body)
        )
        return _read_single(self._read, reply)

    def delete(self, identifier: str) -> None:
        """Delete a product softly (Source: P-20).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._client.request("product_delete", params={"product_id": identifier})


class Orders(Listing[schemas.OrderSummary]):
    """Orders: the list gives summaries, ``get`` the detail form (Source: P-21).

    Attributes:
        rows: The same list, each order read on demand; for whoever compares a great many.
    """

    def __init__(self, client: Caller) -> None:
        super().__init__(client, "orders_list", schemas.OrderSummary.from_json)
        self.rows = Listing(client, "orders_list", schemas.OrderRow.from_json)

    def get(self, identifier: str) -> schemas.Order:
        """One order with its line items.

        Raises:
            ObjectNotFound: The remote has none.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request("order_get", params={"order_id": identifier})
        return _read_single(schemas.Order.from_json, reply)


class Webhooks(Lists[schemas.Webhook]):
    """Registrations of webhook endpoints (Source: P-35)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client, "webhooks_list", "webhook_get", schemas.Webhook.from_json)

    def create(
        self,
        *,
        url: str,
        event_types: Sequence[str],
        note: str = "",
        signature_version: str = "V2",
    ) -> schemas.NewWebhook:
        """Register an address. The answer is the only one that ever shows the signing secret.

        Raises:
            InvalidRequest: The remote does not accept the values.
            ProtocolError: It is registered, but the answer shows no secret.
            PandabaseError: See ``Client.request``.
        """
        body: dict[str, Any] = {
            "url": url,
            "eventTypes": list(event_types),
            "signatureVersion": signature_version,
        }
        if note:
            body["note"] = note
        return _read_single(
            schemas.NewWebhook.from_json, self._client.request("webhook_create", body=body)
        )

    def update(
        self,
        identifier: str,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        enabled: bool | None = None,
        signature_version: str | None = None,
    ) -> schemas.Webhook:
        """Change a registration; None leaves a value as it is.

        Raises:
            InvalidRequest: The remote does not accept the values.
            ObjectNotFound: There is none.
            PandabaseError: See ``Client.request``.
        """
        body = {
            "url": url,
            "eventTypes": None if event_types is None else list(event_types),
            "isEnabled": enabled,
            "signatureVersion": signature_version,
        }
        reply = self._client.request(
            "webhook_update",
            params={"webhook_id": identifier},
            body={name: value for name, value in body.items() if value is not None},
        )
        return _read_single(self._read, reply)

    def delete(self, identifier: str) -> None:
        """Delete a registration; its deliveries end.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._client.request("webhook_delete", params={"webhook_id": identifier})


class Store:
    """The store itself."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def get(self) -> schemas.StoreInfo:
        """Name, country and currency of the store.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return _read_single(schemas.StoreInfo.from_json, self._client.request("store_get"))


def _read_single(read: Callable[[object], T], reply: Reply) -> T:
    try:
        return read(reply.data)
    except ProtocolError as error:
        raise ProtocolError(error.message, request_id=reply.request_id) from None


def _only_parameter(op: Operation) -> str:
    name: str
    (name,) = set(re.findall(r"{(\w+)}", op.path)) - {"store_id"}
    return name


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
