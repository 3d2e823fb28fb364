"""The store, its products, categories and coupons.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pandabase_django.api import schemas
from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.listing import MAX_PAGE_SIZE
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
from pandabase_django.api.resources import Categories, Coupons, Products, Store
from pandabase_django.api.schemas import Page

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AsyncCategories", "AsyncCoupons", "AsyncProducts", "AsyncStore"]


class AsyncStore(AsyncNamespace[Store]):
    """The store itself."""

    async def get(self, *, timeout: float | None = None) -> schemas.StoreInfo:
        """Name, country and currency.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, timeout=timeout)


class AsyncProducts(AsyncNamespace[Products]):
    """Products."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ProductsListFilters],
    ) -> Page[schemas.Product]:
        """One page of products; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ProductsListFilters],
    ) -> AsyncIterator[schemas.Product]:
        """Every product from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[ProductsListFilters],
    ) -> AsyncIterator[Page[schemas.Product]]:
        """Every page of products from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, product_id: str, *, timeout: float | None = None) -> schemas.Product:
        """One product by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, product_id, timeout=timeout)

    async def create(
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
        return await self._run(
            self._sync.create, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def update(
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
        return await self._run(
            self._sync.update, product_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def delete(
        self, product_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a product softly (Source: P-20).

        Raises:
            PandabaseError: See ``Client.request``.
        """
        await self._run(
            self._sync.delete, product_id, idempotency_key=idempotency_key, timeout=timeout
        )


class AsyncCategories(AsyncNamespace[Categories]):
    """Categories."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CategoriesListFilters],
    ) -> Page[schemas.Category]:
        """One page of categories; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CategoriesListFilters],
    ) -> AsyncIterator[schemas.Category]:
        """Every category from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CategoriesListFilters],
    ) -> AsyncIterator[Page[schemas.Category]]:
        """Every page of categories from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, category_id: str, *, timeout: float | None = None) -> schemas.Category:
        """One category by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, category_id, timeout=timeout)

    async def create(
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
        return await self._run(
            self._sync.create, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def update(
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
        return await self._run(
            self._sync.update, category_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def delete(
        self, category_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a category.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        await self._run(
            self._sync.delete, category_id, idempotency_key=idempotency_key, timeout=timeout
        )


class AsyncCoupons(AsyncNamespace[Coupons]):
    """Coupons."""

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CouponsListFilters],
    ) -> Page[schemas.Coupon]:
        """One page of coupons; see ``Listing.list``."""
        return await self._run(self._sync.list, page=page, limit=limit, timeout=timeout, **filters)

    def iterate(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CouponsListFilters],
    ) -> AsyncIterator[schemas.Coupon]:
        """Every coupon from a page on; see ``Listing.iterate``."""
        return self._items(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    def pages(
        self,
        *,
        page: int = 1,
        limit: int = MAX_PAGE_SIZE,
        timeout: float | None = None,
        **filters: Unpack[CouponsListFilters],
    ) -> AsyncIterator[Page[schemas.Coupon]]:
        """Every page of coupons from one on; see ``Listing.pages``."""
        return self._each(self._sync.pages(page=page, limit=limit, timeout=timeout, **filters))

    async def get(self, coupon_id: str, *, timeout: float | None = None) -> schemas.Coupon:
        """One coupon by its id.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        return await self._run(self._sync.get, coupon_id, timeout=timeout)

    async def create(
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
        return await self._run(
            self._sync.create, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def update(
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
        return await self._run(
            self._sync.update, coupon_id, body, idempotency_key=idempotency_key, timeout=timeout
        )

    async def delete(
        self, coupon_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a coupon.

        Raises:
            PandabaseError: See ``Client.request``.
        """
        await self._run(
            self._sync.delete, coupon_id, idempotency_key=idempotency_key, timeout=timeout
        )
