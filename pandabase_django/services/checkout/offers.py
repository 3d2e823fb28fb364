"""An offer: what a button of the shop's page sells, signed, so that nobody else can say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core import signing

from pandabase_django.models import Product, ProductVariant
from pandabase_django.services.checkout.lines import Item
from pandabase_django.services.checkout.refusals import refused

__all__ = ["Offer"]

SALT = "pandabase_django.checkout.offer"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a buyer was shown.

    Attributes:
        product_id: The product.
        variant_id: One of its variants; "" for the product itself.
        price_minor: The price of one piece as the page showed it.
        quantity: Pieces.
        purpose: What handlers are found by.
        context: The shop's own JSON.
        mode: How the checkout is shown; "" at the vendor's own page.
    """

    product_id: str
    variant_id: str
    price_minor: int | None
    quantity: int = 1
    purpose: str = ""
    context: Any = field(default=None, repr=False)
    mode: str = ""

    @classmethod
    def of(cls, item: Product | ProductVariant, **more: Any) -> Offer:
        """The offer of a product, or of a variant."""
        if isinstance(item, ProductVariant):
            return cls(item.product_id or "", item.pk, item.price_minor, **more)
        return cls(item.pk, "", item.price_minor, **more)

    def signed(self) -> str:
        """A text for a form. It can be read, and not changed."""
        parts = [self.product_id, self.variant_id, self.price_minor, self.quantity]
        return signing.dumps([*parts, self.purpose, self.context, self.mode], salt=SALT)

    @classmethod
    def read(cls, text: str) -> Offer:
        """The offer in a form.

        Raises:
            CheckoutRefused: The shop did not make it, or made it before its key changed.
        """
        try:
            return cls(*signing.loads(text, salt=SALT))
        except (signing.BadSignature, TypeError, ValueError):
            del text  # it can be read, and error reports show variables
        raise refused("offer", "The offer in the form has no good signature.")

    def product(self) -> Product:
        """The product as it is now.

        Raises:
            CheckoutRefused: It is not here any more.
        """
        found = Product.objects.select_related("store").filter(pk=self.product_id).first()
        if found is None:
            raise refused("not_on_sale", f"There is no product {self.product_id}.")
        return found

    def item(self, product: Product) -> Item:
        """What is to be paid for.

        Raises:
            CheckoutRefused: The variant is not here any more.
        """
        variant = None
        if self.variant_id:
            variant = product.variants.filter(pk=self.variant_id).first()
            if variant is None:
                raise refused("not_on_sale", f"There is no variant {self.variant_id}.")
        return Item(product, self.quantity, variant, price_minor=self.price_minor)
