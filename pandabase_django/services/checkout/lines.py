"""What is to be paid for: lines from the mirrored catalogue, or free ones, checked before sending.

Amounts are minor units. Limits are those of the Checkout API (Source: P-36, P-45).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union

from pandabase_django.api.params import CatalogItem
from pandabase_django.api.params import FreeItem as FreeLine
from pandabase_django.models import Product, ProductVariant, Store
from pandabase_django.printable import printable
from pandabase_django.services.checkout.refusals import refused

__all__ = ["MOST_MINOR", "FreeItem", "Item", "ItemLike", "Line", "checked_lines", "subtotal_of"]

MOST_LINES = 10
MOST_PIECES = 999
LEAST_MINOR, MOST_MINOR = 100, 1_000_000
MOST_NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Item:
    """A product of the catalogue, or one of its variants.

    Attributes:
        product: The product, or the variant itself.
        quantity: Pieces, 1 to 999.
        variant: Which variant; None for the product.
        price_minor: The price of one piece that the buyer has seen: another one by now is refused.
        least_minor: Of a product whose price the buyer names: the shop asks for more than the
            product does.
    """

    product: Product | ProductVariant
    quantity: int = 1
    variant: ProductVariant | None = None
    price_minor: int | None = None
    least_minor: int | None = None


@dataclass(frozen=True, slots=True)
class FreeItem:
    """A line that is no product of the catalogue.

    Attributes:
        name: What the buyer reads.
        amount_minor: The price of one piece.
        quantity: Pieces, 1 to 999.
    """

    name: str
    amount_minor: int
    quantity: int = 1


ItemLike = Union[Item, FreeItem, Product, ProductVariant, "tuple[Product | ProductVariant, int]"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is sent and kept."""

    product_id: str
    variant_id: str
    name: str
    quantity: int
    price_minor: int
    currency: str
    least_minor: int | None = None
    subscription: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a session keeps it."""
        return {
            "product_id": self.product_id,
            "variant_id": self.variant_id,
            "name": self.name,
            "quantity": self.quantity,
            "price_minor": self.price_minor,
            "least_minor": self.least_minor,
            "subscription": self.subscription,
        }

    def to_body(self) -> CatalogItem | FreeLine:
        """As the Checkout API takes it."""
        if not self.product_id:
            return {"name": self.name, "amount": self.price_minor, "quantity": self.quantity}
        body: CatalogItem = {"product_id": self.product_id, "quantity": self.quantity}
        if self.variant_id:
            body["variant_id"] = self.variant_id
        return body


def subtotal_of(lines: Sequence[Line]) -> int:
    """What the lines cost without discount and tax."""
    return sum(line.price_minor * line.quantity for line in lines)


def checked_lines(store: Store, items: Sequence[ItemLike]) -> list[Line]:
    """The lines of a checkout, at the prices that the mirror has now.

    Args:
        store: The store that sells.
        items: What is bought; the same one twice becomes one line.

    Raises:
        TypeError: One of them is no item.
        CheckoutRefused: They can't be bought so.
    """
    wanted = [_item(item) for item in items]
    for one in wanted:
        if isinstance(one.quantity, bool) or not isinstance(one.quantity, int):
            raise TypeError("A quantity is a whole number.")
        if not 1 <= one.quantity <= MOST_PIECES:
            raise refused("quantity", f"A line has 1 to {MOST_PIECES} pieces, not {one.quantity}.")
    catalog = [one for one in wanted if isinstance(one, Item)]
    products = _rows(Product, store, {_product_id(one) for one in catalog})
    variants = _rows(ProductVariant, store, {pk for one in catalog if (pk := _variant_id(one))})
    lines: dict[tuple[str, ...], Line] = {}
    for one in wanted:
        line = (
            _free_line(one, store)
            if isinstance(one, FreeItem)
            else _catalog_line(one, products, variants)
        )
        key = (line.product_id, line.variant_id, *(() if line.product_id else (line.name,)))
        key = (*key, str(line.price_minor))
        known = lines.get(key)
        lines[key] = _together(known, line) if known else line
    found = list(lines.values())
    _check_together(found)
    for one in catalog:
        # Of all pieces together, wherever they stand.
        product = products[_product_id(one)]
        pieces = sum(line.quantity for line in found if line.product_id == product.pk)
        most = product.payload.get("maxPerCustomer")
        if isinstance(most, int) and pieces > most:
            raise refused("quantity", f"{_title(product)}: at most {most} for each customer.")
    return found


def _together(one: Line, other: Line) -> Line:
    """Two lines of one kind; of what the buyer must at least pay, the higher price counts."""
    least = one.least_minor
    if least is not None and other.least_minor is not None:
        least = max(least, other.least_minor)
    return replace(one, quantity=one.quantity + other.quantity, least_minor=least)


def _item(item: ItemLike) -> Item | FreeItem:
    if isinstance(item, (Item, FreeItem)):
        return item
    if isinstance(item, (Product, ProductVariant)):
        return Item(item)
    if (
        isinstance(item, tuple)
        and len(item) == 2
        and isinstance(item[0], (Product, ProductVariant))
    ):
        return Item(item[0], item[1])
    raise TypeError("An item is an Item, a FreeItem, a product, a variant, or one with a quantity.")


def _product_id(item: Item) -> str:
    product = item.product
    return str(product.product_id if isinstance(product, ProductVariant) else product.pk)


def _variant_id(item: Item) -> str:
    if isinstance(item.product, ProductVariant):
        return item.product.pk
    return item.variant.pk if item.variant else ""


def _rows(model: Any, store: Store, ids: Collection[str]) -> dict[str, Any]:
    """As they are now: what the caller holds may be from an hour ago."""
    return {row.pk: row for row in model.objects.filter(store=store, pk__in=ids)} if ids else {}


def _title(row: Product | ProductVariant) -> str:
    return printable(row.title) or row.pk


def _catalog_line(
    item: Item, products: dict[str, Product], variants: dict[str, ProductVariant]
) -> Line:
    product = products.get(_product_id(item))
    if product is None:
        raise refused(
            "not_on_sale",
            f"The product {_product_id(item)} is not in the mirror of this store. Sync it first.",
        )
    name = _title(product)
    if product.gone_at is not None or product.status != "ACTIVE":
        state = "gone" if product.gone_at is not None else product.status or "of unknown state"
        raise refused("not_on_sale", f"{name} is {state}: only ACTIVE products are sold.")
    sold: Product | ProductVariant = product
    variant_id = _variant_id(item)
    if variant_id:
        variant = variants.get(variant_id)
        if variant is None or variant.gone_at is not None or variant.product_id != product.pk:
            raise refused("not_on_sale", f"{name} has no variant {variant_id}.")
        if variant.payload.get("id") != variant_id:
            raise refused("not_on_sale", f"{name}: this variant has no id at Pandabase.")
        sold, name = variant, f"{name} / {_title(variant)}"
    price = sold.price_minor
    currency = sold.currency or product.currency
    if price is None or not currency:
        raise refused("no_price", f"{name} has no price and currency in the mirror.")
    if item.price_minor is not None and item.price_minor != price:
        raise refused("price_changed", f"{name} costs {price}, and {item.price_minor} was shown.")
    _check_stock(sold, item.quantity, name=name)
    return Line(
        product.pk,
        variant_id,
        name,
        item.quantity,
        price,
        currency,
        least_minor=_least(item, product, name=name),
        subscription=product.product_type == "SUBSCRIPTION",
    )


def _check_stock(sold: Product | ProductVariant, quantity: int, *, name: str) -> None:
    left = sold.payload.get("quantity") if sold.payload.get("trackStock") else None
    if sold.in_stock is False or (isinstance(left, int) and left < quantity):
        raise refused("out_of_stock", f"{name} is out of stock.")


def _least(item: Item, product: Product, *, name: str) -> int | None:
    """The least that the buyer may name as the price; None where the price is fixed."""
    if product.payload.get("pricingModel") != "PAY_WHAT_YOU_WANT":
        if item.least_minor is not None:
            raise refused("price", f"{name} has a fixed price; least_minor is for others.")
        return None
    least = product.payload.get("minimumPrice")
    return max(least if isinstance(least, int) else 0, item.least_minor or 0)


def _free_line(item: FreeItem, store: Store) -> Line:
    name, amount = item.name.strip(), item.amount_minor
    if not name or len(name) > MOST_NAME_CHARACTERS or printable(name) != name:
        raise refused("name", f"A name has 1 to {MOST_NAME_CHARACTERS} characters, on one line.")
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise TypeError("An amount is a whole number of minor units.")
    if not 1 <= amount <= MOST_MINOR:
        raise refused("total", f"{name}: a price is 1 to {MOST_MINOR} minor units, not {amount}.")
    return Line("", "", name, item.quantity, amount, store.currency or "USD")


def _check_together(lines: Sequence[Line]) -> None:
    if not 1 <= len(lines) <= MOST_LINES:
        raise refused("items", f"A checkout has 1 to {MOST_LINES} lines, not {len(lines)}.")
    if any(line.quantity > MOST_PIECES for line in lines):
        raise refused("quantity", f"A line has at most {MOST_PIECES} pieces.")
    currencies = sorted({line.currency for line in lines})
    if len(currencies) > 1:
        raise refused("items", f"The items have different currencies: {', '.join(currencies)}.")
    if len(lines) > 1 and any(line.subscription for line in lines):
        raise refused("subscription_alone", "A subscription can't be sold with other items.")
    subtotal = subtotal_of(lines)
    if 0 < subtotal < LEAST_MINOR or subtotal > MOST_MINOR:
        raise refused(
            "total", f"The items cost {subtotal}: it is 0, or {LEAST_MINOR} to {MOST_MINOR}."
        )
