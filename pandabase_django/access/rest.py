"""The same for Django REST framework, which only those who import this module need."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import BasePermission

from pandabase_django.access.views import named_by, product_of
from pandabase_django.models import Product
from pandabase_django.services.access.answers import access

__all__ = ["HasAccess"]


class HasAccess(BasePermission):  # type: ignore[misc]  # it comes without types
    """Lets those in who may use a product::

        class LessonView(RetrieveAPIView):
            permission_classes = [HasAccess]
            access_product = "prd_…"

    The view names it by ``access_product`` or ``get_access_product()``; otherwise the part
    ``access_argument`` of its address does, which is ``product_id`` unless the view says so. A view
    whose objects are the products says ``access_argument = None``: then ``get_object()`` asks for
    each. Such a view's list is to be ``Product.objects.accessible_to(request.user)``.
    """

    code = "no_access"

    def has_permission(self, request: Any, view: Any) -> bool:
        """Whether this user may use the view's product."""
        named = self._named(view)
        if named is None:
            return True  # the objects decide
        return self._may(request, product_of(named))

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """Whether this user may use a product that is the view's object.

        Raises:
            ImproperlyConfigured: Neither the view nor its object says which: nobody would be kept
                out.
        """
        if isinstance(obj, Product):
            return self._may(request, obj)
        if self._named(view) is None:
            name = type(obj).__name__
            raise ImproperlyConfigured(f"{name} is no product: let the view name the product.")
        return True  # it was decided by the product that the view names

    def _may(self, request: Any, product: Product) -> bool:
        found = access(request.user, product)
        self.message = found.reason.label
        return found.granted

    @staticmethod
    def _named(view: Any) -> Product | str | None:
        if hasattr(view, "get_access_product"):
            named: Product | str = view.get_access_product()
            return named
        if getattr(view, "access_product", ""):
            return str(view.access_product)
        argument = getattr(view, "access_argument", "product_id")
        return None if argument is None else named_by(view.kwargs, argument)
