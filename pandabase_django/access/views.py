"""Views that only a buyer sees: a decorator for functions, a mixin for classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views import View

from pandabase_django.models import Product
from pandabase_django.printable import is_storable
from pandabase_django.services.access.answers import access
from pandabase_django.services.access.rules import Reason

if TYPE_CHECKING:
    _View = View
else:
    _View = object

__all__ = ["AccessRequiredMixin", "access_required", "named_by", "product_of"]

V = TypeVar("V", bound=Callable[..., Any])


def access_required(
    product: str | Callable[..., Product | str] = "",
    *,
    argument: str = "product_id",
    buy_at: str = "",
) -> Callable[[V], V]:
    """Let only those in who may use a product; works for async views too::

        @access_required(buy_at="shop:product")
        def lesson(request, product_id): ...

    Somebody who is not signed in is sent to sign in. Who has no access is sent to ``buy_at``, or is
    refused (403). A product that is not here is 404. ``request.access`` says why and until when.

    Args:
        product: The product's id; or a function that gets what the view gets, and gives the product
            or its id. Left out, the address names it.
        argument: The part of the address that does.
        buy_at: Name of the address to buy it at; it gets the product's id.
    """

    def decide(request: HttpRequest, args: Any, kwargs: Mapping[str, Any]) -> Any:
        if callable(product):
            named: Product | str = product(request, *args, **kwargs)
        else:
            named = product or named_by(kwargs, argument)
        return _refusal(request, named, buy_at=buy_at)

    def decorate(view: V) -> V:
        if iscoroutinefunction(view):

            @wraps(view)
            async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                refusal = await sync_to_async(decide)(request, args, kwargs)
                return refusal or await view(request, *args, **kwargs)

            return async_view  # type: ignore[return-value]

        @wraps(view)
        def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return decide(request, args, kwargs) or view(request, *args, **kwargs)

        return sync_view  # type: ignore[return-value]

    return decorate


class AccessRequiredMixin(_View):
    """Let only those in who may use a product. Stands before the view's own class::

        class Lesson(AccessRequiredMixin, DetailView): ...

    Attributes:
        access_product: The product's id; left out, the address names it.
        access_argument: The part of the address that does.
        access_buy_at: Name of the address to buy it at; left out, who has no access is refused.
    """

    access_product = ""
    access_argument = "product_id"
    access_buy_at = ""

    def get_access_product(self) -> Product | str:
        """The product that must be bought, or its id."""
        return self.access_product or named_by(self.kwargs, self.access_argument)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Decide before the view does anything; see ``View.dispatch``."""
        if self.view_is_async:
            return self._dispatch_async(request, *args, **kwargs)
        refusal = self._refusal(request)
        return refusal or super().dispatch(request, *args, **kwargs)

    async def _dispatch_async(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        refusal = await sync_to_async(self._refusal)(request)
        if refusal:
            return refusal
        answer: Any = super().dispatch(request, *args, **kwargs)
        return await answer

    def _refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        return _refusal(request, self.get_access_product(), buy_at=self.access_buy_at)


def named_by(kwargs: Mapping[str, Any], argument: str) -> str:
    """The product's id, as the address of a view names it.

    Raises:
        ImproperlyConfigured: The address has no such part: nobody would be kept out.
    """
    if argument not in kwargs:
        raise ImproperlyConfigured(
            f"The address has no part {argument!r} that names the product: name the product, or "
            "the part."
        )
    return str(kwargs[argument])


def product_of(named: Product | str) -> Product:
    """The product that a view names.

    Raises:
        Http404: It is not here.
    """
    if isinstance(named, Product):
        return named
    if not is_storable(str(named)):
        raise Http404("There is no such product.")
    return get_object_or_404(Product, pk=named)


def _refusal(request: HttpRequest, named: Product | str, *, buy_at: str) -> HttpResponseBase | None:
    """What somebody without access gets; None for those who have it."""
    product = product_of(named)
    found = access(request.user, product)
    request.access = found  # type: ignore[attr-defined]
    if found.granted:
        return None
    if found.reason == Reason.NOT_SIGNED_IN:
        return redirect_to_login(request.get_full_path())
    if buy_at:
        return redirect(buy_at, product.pk)
    raise PermissionDenied(found.reason.label)
