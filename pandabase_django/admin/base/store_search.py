"""Finding one of many stores by a part of its name or id: without a script, at one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest

from pandabase_django.models import Store

__all__ = [
    "SEARCH_NAME",
    "STORES_OFFERED",
    "StoreChoice",
    "StoreSearch",
    "like_condition",
    "searched_text",
    "told_apart",
]

STORES_OFFERED = 20
SEARCH_NAME = "store_like"


@dataclass(frozen=True, slots=True)
class StoreSearch:
    """The stores of a page that shows something of each, as ``store_search.html`` reads it.

    Attributes:
        many: There are more stores than are shown.
        like: What was searched for.
        shown: The stores that fit, or the first ones.
        more: More fit than are shown.
    """

    many: bool
    like: str
    shown: Sequence[Store]
    more: bool = False
    search_name: str = SEARCH_NAME

    @classmethod
    def of_request(cls, request: HttpRequest, stores: Sequence[Store]) -> StoreSearch:
        """What this address asks for, of the stores that this person may see."""
        many = len(stores) > STORES_OFFERED
        like = searched_text([request.GET.get(SEARCH_NAME, "")]) if many else ""
        found = [store for store in stores if _fits(store, like)]
        more = len(found) > STORES_OFFERED
        return cls(many=many, like=like, shown=found[:STORES_OFFERED], more=more)

    @property
    def value(self) -> bool:
        """Something is shown, so that the form need not say that nothing was found."""
        return bool(self.shown)


class StoreChoice(StoreSearch):
    """The stores that a form's field may name: what is found is a link that fills it in."""

    __slots__ = ()

    value = False

    @property
    def found(self) -> list[tuple[str, str]]:
        """Names of the stores that fit, with the query of the page with the field filled in."""
        return [(name, f"?{urlencode({'store': pk})}") for pk, name in told_apart(self.shown)]


def searched_text(values: Sequence[str]) -> str:
    """What was typed, by the values of the address."""
    return "".join(values[-1:]).strip().replace("\x00", "")


def told_apart(stores: Sequence[Store]) -> list[tuple[str, str]]:
    """Ids and names of these stores; of those with one name, each with its id behind it."""
    names = Counter(str(store) for store in stores)
    return [
        (store.pk, f"{store} · {store.pk}" if names[str(store)] > 1 else str(store))
        for store in stores
    ]


def like_condition(like: str) -> Q:
    """The stores that have this in their name, id or handle."""
    return Q(pk__icontains=like) | Q(title__icontains=like) | Q(handle__icontains=like)


def _fits(store: Store, like: str) -> bool:
    texts = (store.pk, store.title, store.handle)
    return any(like.casefold() in text.casefold() for text in texts)
