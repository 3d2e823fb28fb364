"""Products, their variants and categories, and coupons, as the remote has them.

Relations are soft: no database constraint, since an order may name a product deleted years ago.
Show the raw id (``product_id``); the relation is None where the row is missing or another store's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Relation,
    Words,
    WriterManager,
    manager_of,
)
from pandabase_django.models.base.mirror import MirrorQuerySet, MirrorRow, mirror_constraint
from pandabase_django.models.base.soft import LinkKey, SoftForeignKey
from pandabase_django.printable import printable

if TYPE_CHECKING:
    from typing_extensions import Self

    from pandabase_django.models.access.licenses import LicenseQuerySet
    from pandabase_django.models.access.subscriptions import SubscriptionQuerySet
    from pandabase_django.models.orders import OrderItemQuerySet

__all__ = ["Category", "Coupon", "Product", "ProductCategory", "ProductQuerySet", "ProductVariant"]


class CategoryQuerySet(MirrorQuerySet["Category"]):
    """Categories; see ``live``."""


class Category(MirrorRow):
    """A category; a tree by ``parent``.

    Attributes:
        name: For people.
        slug: Its part of an address.
        parent: The category above it; empty at the top.
        display_order: Its place among its siblings, the least first.
        is_archived: Not shown to buyers any more.
        created_at: When it was made at Pandabase.
        updated_at: When it was changed there last.
        absences: Clean passes in a row that did not list it.
    """

    name: Column[str] = models.TextField(_("name"), default="")
    slug: Column[str] = models.TextField(_("slug"), default="")
    parent: Relation[Category | None] = SoftForeignKey(
        "self",
        null=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    display_order: Column[int | None] = models.BigIntegerField(_("display order"), null=True)
    is_archived: Column[bool | None] = models.BooleanField(_("archived"), null=True)
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)
    updated_at: Column[datetime | None] = models.DateTimeField(_("updated"), null=True)
    absences: Column[int] = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[CategoryQuerySet] = manager_of(CategoryQuerySet)

    if TYPE_CHECKING:
        parent_id: str | None
        children: CategoryQuerySet
        products: ProductQuerySet

    class Meta:
        verbose_name: ClassVar[Words] = _("category")
        verbose_name_plural: ClassVar[Words] = _("categories")
        ordering: ClassVar[Sequence[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("category")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["parent"], name="pandabase_category_parent")
        ]

    def __str__(self) -> str:
        return printable(self.name) or self.id


class ProductQuerySet(MirrorQuerySet["Product"]):
    """Products; see also ``live``."""

    def on_sale(self) -> Self:
        """Live and ACTIVE: what the vendor's own storefront shows, sold out or not.

        Whether one can be bought now is ``in_stock``, which is null where the remote says nothing.
        """
        return self.live().filter(status="ACTIVE")

    def accessible_to(self, user: Any, at: datetime | None = None) -> Self:
        """Products that this user may use, in one query: as ``pandabase_django.access`` says.

        Those that are gone at the remote are among them, since what was bought stays; ``live()``
        leaves them out.

        Args:
            user: The shop's user; one that is not signed in, or not active, has none.
            at: When; None is now. Statuses are those of now.
        """
        from pandabase_django.models.access.grants import granted_to  # it reads orders

        condition = granted_to(user, at=at)
        return self.none() if condition is None else self.filter(condition)


class Product(MirrorRow):
    """A product. ``created_at`` and ``updated_at`` may be null: samples lack them (P-20).

    Attributes:
        title: For people.
        handle: Its part of an address.
        status: Such as ACTIVE; see ``on_sale()``.
        product_type: Such as SUBSCRIPTION, which is paid for again and again.
        compare_at_price_minor: The price from before, to be shown crossed out.
        currency: Code of three letters.
        in_stock: It can be bought now. Empty: Pandabase does not say.
        created_at: When it was made at Pandabase; samples lack it (Source: P-20).
        updated_at: When it was changed there last; samples lack it too.
    """

    title: Column[str] = models.TextField(_("title"), default="")
    handle: Column[str] = models.TextField(_("handle"), default="")
    status: Column[str] = models.TextField(_("status"), default="", db_index=True)
    product_type: Column[str] = models.TextField(_("type"), default="")
    price_minor: Column[int | None] = models.BigIntegerField(
        _("price"), null=True, help_text=_("In the smallest unit of the currency.")
    )
    compare_at_price_minor: Column[int | None] = models.BigIntegerField(
        _("compare-at price"), null=True
    )
    currency: Column[str] = models.TextField(_("currency"), default="")
    in_stock: Column[bool | None] = models.BooleanField(_("in stock"), null=True)
    created_at: Column[datetime | None] = models.DateTimeField(
        _("created"), null=True, db_index=True
    )
    updated_at: Column[datetime | None] = models.DateTimeField(_("updated"), null=True)
    categories: models.ManyToManyField[Category, ProductCategory] = models.ManyToManyField(
        Category,
        through="ProductCategory",
        related_name="products",
        verbose_name=_("categories"),
    )
    absences: Column[int] = models.PositiveSmallIntegerField(
        default=0,
        editable=False,
        help_text=_("Clean passes in a row that did not list this product."),
    )

    objects: ClassVar[ProductQuerySet] = manager_of(ProductQuerySet)

    if TYPE_CHECKING:
        variants: ProductVariantQuerySet
        order_items: OrderItemQuerySet
        licenses: LicenseQuerySet
        subscriptions: SubscriptionQuerySet

    class Meta:
        verbose_name: ClassVar[Words] = _("product")
        verbose_name_plural: ClassVar[Words] = _("products")
        ordering: ClassVar[Sequence[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("product")]

    def __str__(self) -> str:
        return printable(self.title) or self.id

    @property
    def subtitle(self) -> str:
        """ "" when there is none."""
        return _text(self.payload.get("subtitle"))

    @property
    def description(self) -> str:
        """As its owner wrote it, whole; "" when there is none. Escape it like any foreign text."""
        return _text(self.payload.get("description"))

    @property
    def images(self) -> list[str]:
        """Addresses of its pictures, in order."""
        images = self.payload.get("images")
        return (
            [image for image in images if isinstance(image, str)]
            if isinstance(images, list)
            else []
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


class ProductCategory(PandabaseModel):
    """Which product is in which category; either side may be missing.

    Attributes:
        product: Which product.
        category: Is in which category.
    """

    product: Relation[Product] = LinkKey(
        Product,
        other="category",
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    category: Relation[Category] = LinkKey(
        Category,
        other="product",
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )

    objects: ClassVar[WriterManager[ProductCategory]] = WriterManager()

    if TYPE_CHECKING:
        product_id: str
        category_id: str

    class Meta:
        verbose_name: ClassVar[Words] = _("category of a product")
        verbose_name_plural: ClassVar[Words] = _("categories of products")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["product", "category"], name="pandabase_product_category"
            )
        ]

    def __str__(self) -> str:
        return f"{self.product_id} in {self.category_id}"


class ProductVariantQuerySet(MirrorQuerySet["ProductVariant"]):
    """Variants; see ``live``."""


class ProductVariant(MirrorRow):
    """A variant; one without a remote id is called ``<product>:<position>``.

    Attributes:
        product: The product of which it is one form.
        position: Its place among them, from 0 on.
        title: For people.
        price_minor: What one piece costs.
        currency: Code of three letters.
        in_stock: It can be bought now. Empty: Pandabase does not say.
    """

    product: Relation[Product | None] = SoftForeignKey(
        Product,
        null=True,
        related_name="variants",
        verbose_name=_("product"),
    )
    position: Column[int] = models.PositiveIntegerField(_("position"), default=0)
    title: Column[str] = models.TextField(_("title"), default="")
    price_minor: Column[int | None] = models.BigIntegerField(_("price"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")
    in_stock: Column[bool | None] = models.BooleanField(_("in stock"), null=True)

    objects: ClassVar[ProductVariantQuerySet] = manager_of(ProductVariantQuerySet)

    if TYPE_CHECKING:
        product_id: str | None
        order_items: OrderItemQuerySet

    class Meta:
        verbose_name: ClassVar[Words] = _("product variant")
        verbose_name_plural: ClassVar[Words] = _("product variants")
        ordering: ClassVar[Sequence[str]] = ["product_id", "position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("variant")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["product"], name="pandabase_variant_product")
        ]

    def __str__(self) -> str:
        return printable(self.title) or self.id


class CouponQuerySet(MirrorQuerySet["Coupon"]):
    """Coupons; see ``live``."""


class Coupon(MirrorRow):
    """A code that makes a checkout cheaper. ``value`` is percent, or minor units if FIXED.

    Attributes:
        code: What a buyer types in; it never changes (Source: P-56).
        display_name: For people.
        type: PERCENTAGE or FIXED.
        value: Percent, or minor units of the store's currency, by the type.
        minimum_purchase_minor: The least sum that it can be used for. Empty: any.
        is_enabled: It can be used, if its times allow.
        times_used: How often it was used.
        max_uses: How often it can be used. Empty: without end.
        starts_at: Not before. Empty: at once.
        expires_at: Not after. Empty: without end.
        created_at: When it was made at Pandabase.
        updated_at: When it was changed there last.
        absences: Clean passes in a row that did not list it.
    """

    code: Column[str] = models.TextField(_("code"), default="")
    display_name: Column[str] = models.TextField(_("name"), default="")
    type: Column[str] = models.TextField(_("type"), default="")
    value: Column[int | None] = models.BigIntegerField(_("value"), null=True)
    minimum_purchase_minor: Column[int | None] = models.BigIntegerField(
        _("minimum purchase"), null=True
    )
    is_enabled: Column[bool | None] = models.BooleanField(_("enabled"), null=True)
    times_used: Column[int | None] = models.BigIntegerField(_("times used"), null=True)
    max_uses: Column[int | None] = models.BigIntegerField(_("uses at most"), null=True)
    starts_at: Column[datetime | None] = models.DateTimeField(_("starts"), null=True)
    expires_at: Column[datetime | None] = models.DateTimeField(_("expires"), null=True)
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)
    updated_at: Column[datetime | None] = models.DateTimeField(_("updated"), null=True)
    absences: Column[int] = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[CouponQuerySet] = manager_of(CouponQuerySet)

    class Meta:
        verbose_name: ClassVar[Words] = _("coupon")
        verbose_name_plural: ClassVar[Words] = _("coupons")
        ordering: ClassVar[Sequence[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("coupon")]

    def __str__(self) -> str:
        return printable(self.code) or self.id
