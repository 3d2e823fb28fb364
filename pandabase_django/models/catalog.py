"""Products, their variants and categories as the remote has them.

Relations are soft: no database constraint, since an order may name a product deleted years ago.
Show the raw id (``product_id``); the related row may be missing.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.mirror import MirrorRow, mirror_constraint

__all__ = ["Category", "Product", "ProductCategory", "ProductVariant"]


class Category(MirrorRow):
    """A category; a tree by ``parent``."""

    name = models.TextField(_("name"), default="")
    slug = models.TextField(_("slug"), default="")
    parent = models.ForeignKey(
        "self",
        null=True,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="children",
        verbose_name=_("parent"),
        db_index=False,
    )
    display_order = models.BigIntegerField(_("display order"), null=True)
    is_archived = models.BooleanField(_("archived"), null=True)
    created_at = models.DateTimeField(_("created"), null=True)
    updated_at = models.DateTimeField(_("updated"), null=True)
    absences = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["id"]
        constraints = [mirror_constraint("category")]
        indexes = [models.Index(fields=["parent"], name="pandabase_category_parent")]

    def __str__(self) -> str:
        return self.name or self.id


class Product(MirrorRow):
    """A product. ``created_at`` and ``updated_at`` may be null: samples lack them (P-20)."""

    title = models.TextField(_("title"), default="")
    handle = models.TextField(_("handle"), default="")
    status = models.TextField(_("status"), default="", db_index=True)
    product_type = models.TextField(_("type"), default="")
    price_minor = models.BigIntegerField(
        _("price"), null=True, help_text=_("In the smallest unit of the currency.")
    )
    compare_at_price_minor = models.BigIntegerField(_("compare-at price"), null=True)
    currency = models.TextField(_("currency"), default="")
    in_stock = models.BooleanField(_("in stock"), null=True)
    created_at = models.DateTimeField(_("created"), null=True, db_index=True)
    updated_at = models.DateTimeField(_("updated"), null=True)
    categories: models.ManyToManyField[Category, ProductCategory] = models.ManyToManyField(
        Category,
        through="ProductCategory",
        related_name="products",
        verbose_name=_("categories"),
    )
    absences = models.PositiveSmallIntegerField(
        default=0,
        editable=False,
        help_text=_("Clean passes in a row that did not list this product."),
    )

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["id"]
        constraints = [mirror_constraint("product")]

    def __str__(self) -> str:
        return self.title or self.id


class ProductCategory(models.Model):
    """Which product is in which category; either side may be missing."""

    product = models.ForeignKey(
        Product, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    category = models.ForeignKey(
        Category, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )

    class Meta:
        verbose_name = _("category of a product")
        verbose_name_plural = _("categories of products")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "category"], name="pandabase_product_category"
            )
        ]

    def __str__(self) -> str:
        return f"{self.product_id} in {self.category_id}"


class ProductVariant(MirrorRow):
    """A variant; one without a remote id is called ``<product>:<position>``."""

    product = models.ForeignKey(
        Product,
        null=True,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="variants",
        verbose_name=_("product"),
        db_index=False,
    )
    position = models.PositiveIntegerField(_("position"), default=0)
    title = models.TextField(_("title"), default="")
    price_minor = models.BigIntegerField(_("price"), null=True)
    currency = models.TextField(_("currency"), default="")
    in_stock = models.BooleanField(_("in stock"), null=True)

    class Meta:
        verbose_name = _("product variant")
        verbose_name_plural = _("product variants")
        ordering = ["product_id", "position"]
        constraints = [mirror_constraint("variant")]
        indexes = [models.Index(fields=["product"], name="pandabase_variant_product")]

    def __str__(self) -> str:
        return self.title or self.id
