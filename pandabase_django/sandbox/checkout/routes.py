"""Which endpoint of the public APIs answers which method and path."""

from __future__ import annotations

from collections.abc import Callable

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout import endpoints, storefront
from pandabase_django.sandbox.checkout.visit import Visit
from pandabase_django.sandbox.http.wire import NotJson, Response, failure

__all__ = ["PUBLIC", "PublicEndpoint", "answer", "find_public"]

PublicEndpoint = tuple[dict[str, Callable[[Visit], Response]], str]
"""Endpoints by method, and the id that the path names."""

PUBLIC: dict[str, dict[str, Callable[[Visit], Response]]] = {
    "v2/stores/{}/checkouts": {"POST": endpoints.create_checkout},
    "v2/stores/{}/checkouts/estimate": {"POST": endpoints.estimate_checkout},
    "v2/storefront/stores/{}": {"GET": storefront.get_store},
    "v2/storefront/stores/{}/products": {"GET": storefront.list_products},
    "v2/storefront/stores/{}/products/{}": {"GET": storefront.get_product},
    "v2/storefront/stores/{}/categories": {"GET": storefront.list_categories},
    "v2/storefront/stores/{}/categories/{}": {"GET": storefront.get_category},
}
"""By path; the second ``{}`` stands for an id."""


def find_public(segments: list[str]) -> PublicEndpoint | None:
    """The endpoints of a public path, of whatever store; None when the path is another one."""
    place = 2 if segments[:2] == ["v2", "stores"] else 3
    shape = [*segments[:place], "{}", *segments[place + 1 :]]
    if found := PUBLIC.get("/".join(shape)):
        return found, ""
    *rest, identity = shape
    found = PUBLIC.get("/".join([*rest, "{}"]))
    return (found, identity) if found and len(shape) > place + 1 else None


def answer(visit: Visit, methods: dict[str, Callable[[Visit], Response]]) -> Response:
    """Answer a request to a public path, under the lock of the state."""
    endpoint = methods.get(visit.request.method)
    if endpoint is None:
        response = failure(405, "Method not allowed")
        response.headers["Allow"] = ", ".join(sorted(methods))
        return response
    if visit.state.store_id not in visit.request.segments[2:4]:
        return failure(404, "Store not found")
    try:
        with visit.state.lock:
            if visit.request.method != "GET":
                visit.state.changing()
            return endpoint(visit)
    except Invalid as error:
        return failure(error.status, str(error))
    except NotJson as error:
        return failure(400, str(error))
