"""The store, its products, categories and coupons.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.listing import MAX_PAGE_SIZE, Caller, Lists
from pandabase_django.api.params import (
    CategoriesListFilters,
    CategoryCreateBody,
    CategoryUpdateBody,
    CouponCreateBody,
    CouponsListFilters,
    CouponUpdateBody,
    ProductCreateBody,
    ProductsListFilters,
    ProductUpdateBody,
)
from pandabase_django.api.resources.base import Namespace
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Categories", "Coupons", "Products", "Store"]


class Store(Namespace):
    """The store itself."""

    def get(self, *, timeout: float | None = None) -> schemas.StoreInfo:
        """Name, country and currency.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask("store_get", timeout=timeout)
        return self._one(schemas.StoreInfo.from_json, reply)


class Products(Namespace):
    """Products."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Product] = Lists(
            client, "products_list", "product_get", schemas.Product.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ProductsListFilters],
    ) -> Page[schemas.Product]:
        """One page of products; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ProductsListFilters],
    ) -> Iterator[schemas.Product]:
        """Every product from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ProductsListFilters],
    ) -> Iterator[Page[schemas.Product]]:
        """Every page of products from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, product_id: str, *, timeout: float | None = None) -> schemas.Product:
        """One product by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(product_id, timeout=timeout)

    def create(
        self,
        body: ProductCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Product:
        """Make a product, in the remote's own field names.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "product_create", body=body, idempotency_key=idempotency_key, timeout=timeout
        )
        return self._one(schemas.Product.from_json, reply)

    def update(
        self,
        product_id: str,
        body: ProductUpdateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Product:
        """Change some fields of a product.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "product_update",
            params={"product_id": product_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Product.from_json, reply)

    def delete(
        self, product_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a product softly (Source: P-20).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._ask(
            "product_delete",
            params={"product_id": product_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )


class Categories(Namespace):
    """Categories."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Category] = Lists(
            client, "categories_list", "category_get", schemas.Category.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CategoriesListFilters],
    ) -> Page[schemas.Category]:
        """One page of categories; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CategoriesListFilters],
    ) -> Iterator[schemas.Category]:
        """Every category from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CategoriesListFilters],
    ) -> Iterator[Page[schemas.Category]]:
        """Every page of categories from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, category_id: str, *, timeout: float | None = None) -> schemas.Category:
        """One category by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(category_id, timeout=timeout)

    def create(
        self,
        body: CategoryCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Category:
        """Make a category, in the remote's own field names.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "category_create", body=body, idempotency_key=idempotency_key, timeout=timeout
        )
        return self._one(schemas.Category.from_json, reply)

    def update(
        self,
        category_id: str,
        body: CategoryUpdateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Category:
        """Change some fields of a category.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "category_update",
            params={"category_id": category_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Category.from_json, reply)

    def delete(
        self, category_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a category.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._ask(
            "category_delete",
            params={"category_id": category_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )


class Coupons(Namespace):
    """Coupons."""

    def __init__(self, client: Caller) -> None:
        super().__init__(client)
        self.listing: Lists[schemas.Coupon] = Lists(
            client, "coupons_list", "coupon_get", schemas.Coupon.from_json
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CouponsListFilters],
    ) -> Page[schemas.Coupon]:
        """One page of coupons; see ``Listing.list``."""
        return self.listing.list(page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CouponsListFilters],
    ) -> Iterator[schemas.Coupon]:
        """Every coupon from a page on; see ``Listing.iterate``."""
        return self.listing.iterate(page=page, limit=limit, timeout=timeout, **filters)

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CouponsListFilters],
    ) -> Iterator[Page[schemas.Coupon]]:
        """Every page of coupons from one on; see ``Listing.pages``."""
        return self.listing.pages(page=page, limit=limit, timeout=timeout, **filters)

    def get(self, coupon_id: str, *, timeout: float | None = None) -> schemas.Coupon:
        """One coupon by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return self.listing.get(coupon_id, timeout=timeout)

    def create(
        self,
        body: CouponCreateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Coupon:
        """Make a coupon, in the remote's own field names.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "coupon_create", body=body, idempotency_key=idempotency_key, timeout=timeout
        )
        return self._one(schemas.Coupon.from_json, reply)

    def update(
        self,
        coupon_id: str,
        body: CouponUpdateBody,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> schemas.Coupon:
        """Change some fields of a coupon.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        reply = self._ask(
            "coupon_update",
            params={"coupon_id": coupon_id},
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(schemas.Coupon.from_json, reply)

    def delete(
        self, coupon_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a coupon.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        self._ask(
            "coupon_delete",
            params={"coupon_id": coupon_id},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
