"""What a checkout costs: lines from the catalogue, a coupon, and tax by country.

Which countries tax how much is invented, but for the order of size. Amounts are cents.
"""

from __future__ import annotations

from dataclasses import dataclass

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout.bodies import MOST_CENTS
from pandabase_django.sandbox.checkout.coupons import Coupon, find_coupon
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.store.sessions import Line
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import product_form

__all__ = ["EU", "LEAST_TOTAL_CENTS", "Quote", "priced_lines", "quote"]

LEAST_TOTAL_CENTS = 100
"""One dollar; what costs nothing at all passes. Source: P-45."""

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_EU.split())
_PERCENT = {"DE": 19, "FR": 20, "NL": 21, "SE": 25, "GB": 20, "JP": 10, "AU": 10, "IN": 18}
_PERCENT_OF_STATES = {"CA": 8, "NY": 8, "TX": 6, "WA": 9}


@dataclass(frozen=True)
class Quote:
    """The sums of a checkout."""

    subtotal: int
    discount: int
    coupon: Coupon | None
    tax_percent: int
    tax: int
    total: int

    @property
    def amount(self) -> int:
        """What an order shows as its amount: after the discount, before a tax that is added."""
        return self.subtotal - self.discount


def priced_lines(state: StoreState, items: list[Json]) -> list[Line]:
    """The lines of a checkout at the prices of now.

    Raises:
        Invalid: With status 404 for an unknown product, else 400.
    """
    lines = [_line(state, item) for item in items]
    if len({line.currency for line in lines}) > 1:
        raise Invalid("Items have different currencies", status=400)
    if any(line.subscribed for line in lines) and len(lines) > 1:
        raise Invalid("A subscription can't be combined with other items", status=400)
    return lines


def quote(
    state: StoreState,
    lines: list[Line],
    *,
    coupon_code: str = "",
    country: str = "",
    region: str = "",
    tax_id: str = "",
    tax_included: bool = False,
) -> Quote:
    """What these lines cost a buyer of a country; without one there is no tax yet.

    Raises:
        Invalid: With status 400: the coupon can't be used, or the total is out of range.
    """
    subtotal = sum(line.amount * line.quantity for line in lines)
    coupon = find_coupon(state, coupon_code, lines=lines) if coupon_code else None
    discount = 0 if coupon is None else coupon.discount(lines)
    percent = _percent(country, region, tax_id)
    taxed = subtotal - discount
    if tax_included:
        tax = taxed - round(taxed * 100 / (100 + percent))
        total = taxed
    else:
        tax = (taxed * percent + 50) // 100
        total = taxed + tax
    if 0 < taxed < LEAST_TOTAL_CENTS:
        raise Invalid(f"The total must be at least {LEAST_TOTAL_CENTS} cents", status=400)
    if subtotal > MOST_CENTS:
        raise Invalid(f"The total must be at most {MOST_CENTS} cents", status=400)
    return Quote(subtotal, discount, coupon, percent, tax, total)


def _line(state: StoreState, item: Json) -> Line:
    if "product_id" not in item:
        return Line(item["name"], item["amount"], item["quantity"])
    index = state.ids.index_of("product", item["product_id"])
    found = None if index is None else state.products.find(index)
    if found is None or found.deleted:
        raise Invalid(f"Product {item['product_id']} not found", status=404)
    product = product_form(state, found, timestamps=False)
    name = str(product["title"])
    if product.get("status") != "ACTIVE" or not _is_on_time(state, product):
        raise Invalid(f"{name} is not available", status=400)
    shown, quantity = product, item["quantity"]
    if "variant_id" in item:
        shown = _variant(product, item["variant_id"])
        name = f"{name} / {shown['title']}"
    stock = shown.get("quantity") if shown.get("trackStock") else None
    if not shown.get("inStock") or (stock is not None and stock < quantity):
        raise Invalid(f"{name} is out of stock", status=400)
    most = product.get("maxPerCustomer")
    if most is not None and quantity > most:
        raise Invalid(f"{name}: at most {most} for each customer", status=400)
    free_price = product.get("pricingModel") == "PAY_WHAT_YOU_WANT"
    return Line(
        name,
        shown["price"],
        quantity,
        currency=str(product.get("currency")),
        product_id=product["id"],
        variant_id=item.get("variant_id"),
        image=next(iter(product.get("images") or ()), None),
        licensed=product.get("productType") == "LICENSE_KEY",
        subscribed=product.get("productType") == "SUBSCRIPTION",
        least=(product.get("minimumPrice") or 0) if free_price else None,
    )


def _variant(product: Json, identity: str) -> Json:
    for variant in product.get("variants") or ():
        if isinstance(variant, dict) and variant.get("id") == identity:
            return variant
    raise Invalid(f"{product['title']} has no variant {identity}", status=400)


def _is_on_time(state: StoreState, product: Json) -> bool:
    now_ms = state.clock.read_ms()
    begins, ends = parse_ms(product.get("availableFrom")), parse_ms(product.get("availableUntil"))
    return (begins is None or begins <= now_ms) and (ends is None or now_ms < ends)


def _percent(country: str, region: str, tax_id: str) -> int:
    if country == "US":
        return _PERCENT_OF_STATES.get(region, 0)
    if tax_id and country in EU:
        return 0  # the business pays it at home
    return _PERCENT.get(country, 20 if country in EU else 0)
