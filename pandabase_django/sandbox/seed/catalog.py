"""Seeded categories and products, each computed from the seed and its index alone."""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from pandabase_django.sandbox.seed.identity import GHOST_BASE, Identities
from pandabase_django.sandbox.seed.timeline import DAY_MS, START_MS, Timeline, iso

__all__ = ["Catalogue", "Priced"]

_UNPACK = struct.Struct("<16H").unpack
_MAKERS = ("Bamboo", "Café", "Ōkami", "Nordlicht", "Lumen", "Tiny", "Große", "Paper", "Señal")
_WARES = (
    "Icon Set",
    "Backup Tool",
    "Font Family",
    "Game Key",
    "Sample Pack",
    "Theme",
    "E-book",
    "Plugin",
    "学习课程",
    "Wallpapers 🐼",
)
_TYPES = ("DIGITAL_DOWNLOAD", "LICENSE_KEY", "SUBSCRIPTION", "LICENSE_KEY", "DIGITAL")
_MODES = {
    "DIGITAL_DOWNLOAD": "INSTANT_DOWNLOAD",
    "SUBSCRIPTION": "MANAGED_LICENSE",
    "DIGITAL": "MANUAL",
}
_AISLES = ("Games", "Tools", "Design", "Music", "Books", "Courses", "Servers", "Extras")
_SIZES = ("Personal", "Team", "Studio", "Enterprise")


class Priced:
    """What an order needs of a product: the name, the price, and those of its variants."""

    __slots__ = ("licensed", "price", "title", "variants")

    def __init__(
        self, *, title: str, price: int, variants: list[tuple[str, str, int]], licensed: bool
    ) -> None:
        self.title = title
        self.price = price
        self.variants = variants
        self.licensed = licensed


class Catalogue:
    """The seeded part of what a store sells."""

    def __init__(self, *, seed: int, products: Timeline, categories: int, ids: Identities) -> None:
        self.products = products.total
        self.categories = categories
        self._ids = ids
        self._salt = f"product:{seed}:".encode()
        self._timeline = products
        self.priced = lru_cache(maxsize=16_384)(self._priced)

    def category(self, index: int) -> dict[str, Any]:
        """A seeded category. Every fourth is at the root, the others are below one of those."""
        name = f"{_AISLES[index % len(_AISLES)]} {index // len(_AISLES) + 1}"
        parent = index - index % 4
        created = iso(START_MS + index * DAY_MS)
        return {
            "id": self._ids.make("category", index),
            "name": name,
            "slug": name.lower().replace(" ", "-"),
            "description": f"Everything filed under {name}." if index % 3 else None,
            "parentId": None if parent == index else self._ids.make("category", parent),
            "displayOrder": index,
            "icon": "gift" if index % 5 == 0 else None,
            "metaTitle": None,
            "metaDescription": None,
            "showInNavigation": index % 6 != 5,
            "featured": index % 4 == 0,
            "isFavourite": False,
            "isArchived": index % 9 == 8,
            "createdAt": created,
            "updatedAt": created,
        }

    def created_ms(self, index: int) -> int:
        """Creation time of a seeded product, ascending with the index."""
        return self._timeline.created_ms(index)

    def updated_ms(self, index: int) -> int:
        """Last seeded change of a product: up to 90 days after its creation."""
        return self.created_ms(index) + self._draw(index)[15] * (90 * DAY_MS // 65_536)

    def category_indexes(self, index: int) -> list[int]:
        """The 0 to 3 categories of a seeded product."""
        draw = self._draw(index)
        if not self.categories:
            return []
        picked = {draw[8 + step] % self.categories for step in range(draw[7] % 4)}
        return sorted(picked)

    def product(self, index: int) -> dict[str, Any]:
        """A seeded product with its variants; ``categories`` is filled in by the reader."""
        draw = self._draw(index)
        priced = self.priced(index)
        kind = _TYPES[draw[1] % len(_TYPES)]
        mode = _MODES.get(kind) or ("LICENSE_WEBHOOK" if draw[9] % 5 == 0 else "LICENSE_POOL")
        free = priced.price == 0
        payload: dict[str, Any] = {
            "id": self._ids.make("product", index),
            "title": priced.title,
            "subtitle": f"Number {index + 1} on the shelf" if draw[2] % 3 else "",
            "description": f"{priced.title}: an invented product for tests. Naïve façade ✓",
            "handle": f"product-{index + 1}",
            "price": priced.price,
            "compareAtPrice": None if draw[3] % 4 or free else priced.price + 500,
            "images": [f"https://cdn.sandbox.invalid/{index}.jpg"] if draw[3] % 5 else [],
            "inStock": draw[4] % 7 != 0,
            "currency": "USD",
            "productType": kind,
            "fulfillmentMode": mode,
            "pricingModel": "FREE" if free else "STANDARD",
            "status": "DRAFT" if draw[5] % 9 == 0 else "ACTIVE",
            "minimumPrice": None,
            "maxPerCustomer": 1 if draw[6] % 8 == 0 else None,
            "availableFrom": None,
            "availableUntil": None,
            "revokeOnRefund": draw[6] % 2 == 0,
            "options": _options(priced),
            "variants": [
                self._variant(index, position, found)
                for position, found in enumerate(priced.variants)
            ],
            "categories": [],
        }
        if mode == "LICENSE_WEBHOOK":
            payload["webhookUrl"] = f"https://keys.sandbox.invalid/{index}"
            payload["webhookSecret"] = f"pws_sandbox_{draw[10]:04x}{draw[11]:04x}{draw[12]:04x}"
        return payload

    def _variant(self, index: int, position: int, found: tuple[str, str, int]) -> dict[str, Any]:
        identity, title, price = found
        return {
            "id": identity,
            "title": title,
            "slug": title.lower(),
            "description": None,
            "sku": f"SKU-{index + 1}-{position + 1}" if index % 2 else None,
            "options": {"Plan": title},
            "price": price,
            "compareAtPrice": None,
            "images": [],
            "inStock": (index + position) % 6 != 5,
            "quantity": (index * 7 + position) % 40 if index % 4 == 0 else None,
            "trackStock": index % 4 == 0,
            "position": position,
        }

    def _priced(self, index: int) -> Priced:
        draw = self._draw(index)
        if index >= GHOST_BASE:
            return Priced(
                title=f"Retired {_WARES[draw[0] % len(_WARES)]}",
                price=500 + draw[1] % 4000,
                variants=[],
                licensed=False,
            )
        title = f"{_MAKERS[draw[0] % len(_MAKERS)]} {_WARES[draw[14] % len(_WARES)]} {index + 1}"
        price = 0 if draw[13] % 40 == 0 else 99 + 100 * (draw[13] % 190)
        variants = []
        if draw[12] % 3 == 0:
            for position in range(1 + draw[11] % 4):
                identity = self._ids.make("variant", index * 4 + position)
                variants.append((identity, _SIZES[position], price + 700 * position))
        licensed = _TYPES[draw[1] % len(_TYPES)] == "LICENSE_KEY"
        return Priced(title=title, price=price, variants=variants, licensed=licensed)

    def _draw(self, index: int) -> tuple[int, ...]:
        return _UNPACK(blake2b(self._salt + index.to_bytes(5, "big"), digest_size=32).digest())


def _options(priced: Priced) -> list[dict[str, Any]]:
    if not priced.variants:
        return []
    values = [title for _, title, _ in priced.variants]
    return [{"name": "Plan", "values": values, "position": 0}]
