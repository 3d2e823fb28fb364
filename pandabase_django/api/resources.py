"""The clients' typed namespaces: ``client.orders.get``, ``.list``, ``.iterate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pandabase_django.api import schemas
from pandabase_django.api.listing import Caller, Listing, Lists, read_single, scrubbed_by
from pandabase_django.exceptions import ProtocolError

__all__ = ["Licenses", "Orders", "Products", "Store", "Subscriptions", "Usage", "Webhooks"]


class Products(Lists[schemas.Product]):
    """Products, and their changes."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client, "products_list", "product_get", schemas.Product.from_json)

    def create(
        self, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> schemas.Product:
        """Make a product of the remote's own field names.

        Raises:
            InvalidRequest: The remote does not accept the values.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request(
            "product_create", body=dict(body), idempotency_key=idempotency_key
        )
        return read_single(self._scrubbed, reply)

    def update(
        self, identifier: str, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> schemas.Product:
        """Change some fields of a product.

        Raises:
            InvalidRequest: The remote does not accept the values.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request(
            "product_update",
            params={"product_id": identifier},
            body=dict(body),
            idempotency_key=idempotency_key,
        )
        return read_single(self._scrubbed, reply)

    def delete(self, identifier: str, *, idempotency_key: str | None = None) -> None:
        """Delete a product softly (Source: P-20).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._client.request(
            "product_delete", params={"product_id": identifier}, idempotency_key=idempotency_key
        )


class Orders(Listing[schemas.OrderSummary]):
    """Orders: the list gives summaries, ``get`` the detail form (Source: P-21).

    Attributes:
        rows: The same list, each order read on demand; for whoever compares a great many.
    """

    def __init__(self, client: Caller) -> None:
        super().__init__(client, "orders_list", schemas.OrderSummary.from_json)
        self.rows = Listing(client, "orders_list", schemas.OrderRow.from_json, raw=True)

    def get(self, identifier: str) -> schemas.Order:
        """One order with its line items.

        Raises:
            ObjectNotFound: The remote has none.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request("order_get", params={"order_id": identifier})
        read = schemas.Order.from_json
        return read_single(lambda data: read(scrubbed_by(self._client, data)), reply)

    def refunds(self, identifier: str) -> list[schemas.Refund]:
        """The refunds of one order: a list without pages (Source: P-46).

        Raises:
            ObjectNotFound: The remote has no such order.
            ProtocolError: The answer is no list.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request("order_refunds_list", params={"order_id": identifier})
        data = reply.data
        if not isinstance(data, list):
            raise ProtocolError("The refunds are no list.", request_id=reply.request_id)
        return [schemas.Refund.from_json(scrubbed_by(self._client, item)) for item in data]


class Subscriptions(Lists[schemas.Subscription]):
    """Subscriptions, and what they cost next."""

    def __init__(self, client: Caller) -> None:
        super().__init__(
            client, "subscriptions_list", "subscription_get", schemas.Subscription.from_json
        )

    def upcoming_invoice(self, identifier: str) -> schemas.UpcomingInvoice:
        """What the next renewal charges (Source: P-58).

        Raises:
            ObjectNotFound: The remote has no such subscription, or it is not renewed.
            PandabaseError: See ``Client.request``.
        """
        reply = self._client.request(
            "subscription_upcoming_invoice", params={"subscription_id": identifier}
        )
        return read_single(schemas.UpcomingInvoice.from_json, reply)


class Licenses(Lists[schemas.License]):
    """Licences, their keys out of sight (Source: P-51).

    Args:
        client: Sends the requests.
        read: Reads one.
    """

    def __init__(
        self, client: Caller, *, read: Callable[[object], schemas.License] = schemas.read_license
    ) -> None:
        super().__init__(client, "licenses_list", "license_get", read)

    def verify(
        self, reveal: Callable[[], str], *, product_id: str = ""
    ) -> schemas.LicenseVerification:
        """Whether a key is good (Source: P-51).

        Args:
            reveal: Gives the key.
            product_id: It must be for this product; "" for any.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        body = {"key": reveal(), **({"productId": product_id} if product_id else {})}
        reply = self._client.request("license_verify", body=body)
        return read_single(schemas.LicenseVerification.from_json, reply)

    def _hide(self, data: Any) -> None:
        schemas.hide_keys(data)

    def _scrubbed(self, data: object) -> schemas.License:
        self._hide({"items": [data]})
        return super()._scrubbed(data)


class Usage(Listing[schemas.UsageEvent]):
    """Usage events: one call reports up to a hundred of one subscription (Source: P-52)."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client, "usage_list", schemas.UsageEvent.from_json)

    def record(
        self,
        subscription_id: str,
        events: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> schemas.UsageAnswer:
        """Report events: ``event_name``, ``quantity``, ``event_at``, ``external_id``.

        Raises:
            InvalidRequest: The remote does not accept the values, or not of this subscription.
            ObjectNotFound: There is no such subscription.
            ProtocolError: The answer does not say of each event what became of it.
            PandabaseError: See ``Client.request``.
        """
        body = {"subscription_id": subscription_id, "events": [dict(one) for one in events]}
        reply = self._client.request("usage_record", body=body, idempotency_key=idempotency_key)
        return read_single(
            lambda data: schemas.UsageAnswer.from_json(data, sent=len(events)), reply
        )


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
        idempotency_key: str | None = None,
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
        reply = self._client.request("webhook_create", body=body, idempotency_key=idempotency_key)
        return read_single(schemas.NewWebhook.from_json, reply)

    def update(
        self,
        identifier: str,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        enabled: bool | None = None,
        signature_version: str | None = None,
        idempotency_key: str | None = None,
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
            idempotency_key=idempotency_key,
        )
        return read_single(self._scrubbed, reply)

    def delete(self, identifier: str, *, idempotency_key: str | None = None) -> None:
        """Delete a registration; its deliveries end.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._client.request(
            "webhook_delete", params={"webhook_id": identifier}, idempotency_key=idempotency_key
        )


class Store:
    """The store itself."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def get(self) -> schemas.StoreInfo:
        """Name, country and currency of the store.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return read_single(schemas.StoreInfo.from_json, self._client.request("store_get"))
