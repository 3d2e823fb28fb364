"""The public APIs as Python: Checkout and Storefront. They ask for no token, and none is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pandabase_django import observing
from pandabase_django.api import schemas
from pandabase_django.api.arguments import (
    checked_timeout,
    encoded_body,
    path_values,
    query_texts,
)
from pandabase_django.api.listing import Caller, Lists, read_single
from pandabase_django.api.operations import PUBLIC_OPERATIONS, Operation, label_of
from pandabase_django.api.outcomes import note_outcome
from pandabase_django.api.params import CheckoutBody, EstimateBody
from pandabase_django.api.wire.replies import Reply
from pandabase_django.api.wire.transport import Transport
from pandabase_django.exceptions import PandabaseError

__all__ = ["PublicClient"]


class PublicClient:
    """Calls the public APIs of one store. Threads may share it.

    Use it as a context manager; it keeps connections open.

    Args:
        transport: Sends the requests; its ``auth`` is ``NoAuth``. The client closes it.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.checkout = Checkout(self)
        self.storefront = Storefront(self)

    def __enter__(self) -> PublicClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def request(
        self,
        operation: str | Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Call an operation of ``PUBLIC_OPERATIONS``; ``Client`` describes the arguments.

        Raises:
            LookupError: There is no such operation.
            TypeError: The operation does not take these parameters, or an idempotency key: none of
                the public ones does (P-10).
            ValueError: A value can't be sent.
            RuntimeError: The client is closed.
            PandabaseError: Any other failure. Of ``checkout_create`` ``outcome_unknown`` says
                whether a session may have been opened all the same.
        """
        op = operation if isinstance(operation, Operation) else PUBLIC_OPERATIONS[operation]
        if idempotency_key is not None:
            raise TypeError(f"{op.name} takes no idempotency key.")
        path = op.fill({"store_id": self._transport.store_id, **path_values(op, params)})
        texts, encoded = query_texts(op, query), encoded_body(op, body)
        try:
            with observing.call(label_of(op)):
                return self._transport.send(
                    op.method,
                    path,
                    query=texts,
                    body=encoded,
                    repeatable=op.repeatable,
                    timeout=checked_timeout(timeout),
                )
        except PandabaseError as error:
            if not op.repeatable:
                note_outcome(error, key="")
            raise


class Checkout:
    """Opens checkout sessions, and says what they would cost."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def create(
        self, body: CheckoutBody, *, timeout: float | None = None
    ) -> schemas.CheckoutSession:
        """Open a session. It is sent once; a session whose answer got lost is paid by nobody.

        Raises:
            InvalidRequest: The remote does not accept the values; its words are the message.
            ObjectNotFound: There is no such store.
            PandabaseError: See ``PublicClient.request``.
        """
        reply = self._client.request(
            PUBLIC_OPERATIONS["checkout_create"], body=body, timeout=timeout
        )
        return read_single(schemas.CheckoutSession.from_json, reply, wrote=True)

    def estimate(self, body: EstimateBody, *, timeout: float | None = None) -> schemas.Estimate:
        """Prices with tax and coupon, as they are now. Nothing is opened.

        Raises:
            InvalidRequest: The remote does not accept the values; its words are the message.
            ObjectNotFound: There is no such store.
            PandabaseError: See ``PublicClient.request``.
        """
        reply = self._client.request(
            PUBLIC_OPERATIONS["checkout_estimate"], body=body, timeout=timeout
        )
        return read_single(schemas.Estimate.from_json, reply)


class Storefront:
    """What everybody may see of the store. Source: P-43.

    Attributes:
        products: Products on sale.
        categories: Categories.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client
        self.products = Lists(
            client,
            PUBLIC_OPERATIONS["storefront_products_list"],
            PUBLIC_OPERATIONS["storefront_product_get"],
            schemas.StorefrontProduct.from_json,
        )
        self.categories = Lists(
            client,
            PUBLIC_OPERATIONS["storefront_categories_list"],
            PUBLIC_OPERATIONS["storefront_category_get"],
            schemas.StorefrontCategory.from_json,
        )

    def store(self, *, timeout: float | None = None) -> schemas.Storefront:
        """Name and looks of the store.

        Raises:
            ObjectNotFound: There is no such store.
            PandabaseError: See ``PublicClient.request``.
        """
        reply = self._client.request(PUBLIC_OPERATIONS["storefront_get"], timeout=timeout)
        return read_single(schemas.Storefront.from_json, reply)
