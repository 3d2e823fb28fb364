"""Finds everything that belongs to one person, by an e-mail address.

A customer is the person's when the address is its own, or an order of it names the address; then
all that belongs to the customer is. One address may have several customers, in several stores, and
orders of guests that name no customer at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from pandabase_django.models import (
    CheckoutSession,
    Customer,
    CustomerLink,
    Dispute,
    License,
    Order,
    OrderItem,
    Purchase,
    Refund,
    RemoteAction,
    Store,
    Subscription,
    UsageRecord,
    WebhookDelivery,
)
from pandabase_django.models.access.links import CustomerLinkQuerySet
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.erasures.addresses import (
    is_similar,
    normal_address,
    spellings,
)
from pandabase_django.services.erasures.hashes import ids_of
from pandabase_django.services.erasures.scrubbing import identifiers
from pandabase_django.services.people.decisions import TABLES
from pandabase_django.services.people.mentions import in_pages, mentioning

__all__ = [
    "Person",
    "erased_before",
    "find_person",
    "similar_addresses",
]

MOST_SIMILAR = 20
IDS_AT_ONCE = 1000
# Their ids are remembered; all else of a person is found through them.
KNOWN_BY_ID: tuple[type[Model], ...] = (Customer, Order, Subscription, Refund, Dispute)

Rows = Mapping[type[Model], list[Any]]


@dataclass(slots=True)
class Person:
    """What one store has of a person.

    Attributes:
        store: The store.
        address: As it was asked for.
        named: Customers as the person's orders name them, whether they are here or not.
        rows: Primary keys by model, in the order in which they are exported.
    """

    store: Store
    address: str = field(repr=False)
    named: list[str] = field(default_factory=list)
    rows: dict[type[Model], list[Any]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """What the remote may name the person by."""
        models = (Order, Subscription, Refund, Dispute)
        return [*self.named, *(pk for model in models for pk in self.rows[model])]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each kind there are."""
        return {m.__name__: len(pks) for m, pks in self.rows.items() if pks}

    def chunks(self, model: type[Model]) -> Iterator[list[Any]]:
        """Its primary keys, some at a time."""
        pks = self.rows.get(model, [])
        for start in range(0, len(pks), IDS_AT_ONCE):
            yield pks[start : start + IDS_AT_ONCE]


def erased_before(store: Store, address: str) -> Rows:
    """Rows that an earlier erasure of the address has found, whether it came to them or not.

    What it has emptied names the person no more, so it is known by the hashes of ids alone: every
    id of the store is hashed.

    Raises:
        SealError: Somebody was erased, and the key of the hashes can't be opened.
    """
    is_theirs = ids_of(store.pk, address)
    if is_theirs is None:
        return {}
    return {
        model: [
            pk for (pk,) in in_pages(model._default_manager.filter(store=store)) if is_theirs(pk)
        ]
        for model in KNOWN_BY_ID
    }


def find_person(store: Store, address: str, *, also: Rows | None = None) -> Person:
    """Find a person in one store.

    Args:
        store: The store.
        address: The person's e-mail address.
        also: Further rows that are theirs, see ``erased_before``.

    Raises:
        ValueError: That is no e-mail address.
    """
    if not normal_address(address):
        raise ValueError("That is no e-mail address.")
    also = also or {}
    named, orders = _customers_and_orders(store, address)
    named = sorted({*named, *also.get(Customer, ())})
    orders = sorted({*orders, *also.get(Order, ())})
    customers = _ids(Customer.objects.filter(Among(F("pk"), named), store=store))
    of_order = Q(Among(F("order_id"), orders))
    of_customer = Q(Among(F("customer_id"), named))
    person = Person(store, address, named)
    person.rows = {
        Customer: customers,
        Order: orders,
        OrderItem: _ids(OrderItem.objects.filter(of_order, store=store)),
        Refund: _with(Refund, store, of_order, address, "payload__order__customer__email", also),
        Dispute: _with(Dispute, store, of_order, address, "payload__order__customer__email", also),
        Subscription: _with(
            Subscription, store, of_customer, address, "payload__customer__email", also
        ),
        License: _ids(License.objects.filter(of_order | of_customer, store=store)),
    }
    purchases = Purchase.objects.filter(of_order, store=store)
    person.rows[Purchase] = _ids(purchases)
    links = CustomerLink.objects.filter(of_customer, store=store)
    person.rows[CheckoutSession] = _sessions(store, purchases, links)
    person.rows[CustomerLink] = _ids(links)
    used = UsageRecord.objects.filter(
        Among(F("subscription_id"), person.rows[Subscription]), store=store
    )
    person.rows[UsageRecord] = _ids(used)
    acted_on = [*orders, *person.rows[Subscription], *person.rows[Dispute], *person.rows[Refund]]
    actions = RemoteAction.objects.filter(Among(F("object_id"), acted_on), store=store)
    person.rows[RemoteAction] = _ids(actions)
    person.rows[WebhookDelivery] = _deliveries(store, person, address)
    return person


def similar_addresses(stores: Iterable[Store], address: str) -> list[str]:
    """Other addresses of customers that may be the same person's, at most twenty."""
    local, _, domain = normal_address(address).rpartition("@")
    start = local.partition("+")[0][:1]
    rows = Customer.objects.filter(store__in=list(stores), email__istartswith=start)
    found = {
        email
        for email in rows.filter(email__iendswith=domain).values_list("email", flat=True)
        if is_similar(email, address)
    }
    return sorted(found)[:MOST_SIMILAR]


def _customers_and_orders(store: Store, address: str) -> tuple[list[str], list[str]]:
    rows = Customer.objects.filter(store=store)
    customers = {pk for pk, *_ in _of_address(rows, "email", address)}
    named = Order.objects.filter(store=store)
    orders: set[str] = set()
    for pk, customer in _of_address(named, "payload__customer__email", address, "customer_id"):
        orders.add(pk)
        customers.update(filter(None, [customer]))
    of_customers = named.filter(Among(F("customer_id"), sorted(customers)))
    orders.update(of_customers.values_list("pk", flat=True))
    return sorted(customers), sorted(orders)


def _with(
    model: type[Any], store: Store, condition: Q, address: str, path: str, also: Rows
) -> list[Any]:
    rows = model._default_manager.filter(store=store)
    named = [pk for pk, *_ in _of_address(rows, path, address)]
    return sorted({*_ids(rows.filter(condition)), *named, *also.get(model, ())})


def _sessions(
    store: Store, purchases: QuerySet[Purchase], links: CustomerLinkQuerySet
) -> list[Any]:
    """What they have paid for, and what else their users have opened, if no other one paid it.

    A shop's user may buy for several people: what is handed out to these is none of the person's.
    """
    users = {*links.in_force().values_list("user", flat=True)}
    paid, theirs = set(), set()
    for pk, session, *of_either in purchases.values_list("pk", "session", "user", "session__user"):
        theirs.add(pk)
        paid.add(session)
        users.update(of_either)
    users.discard(None)
    sessions = CheckoutSession.objects.filter(user__in=users, store=store)
    opened = set(sessions.values_list("pk", flat=True))
    others = Purchase.objects.filter(session__user__in=users, store=store)
    for pk, session in others.values_list("pk", "session"):
        if pk not in theirs:
            opened.discard(session)
    return sorted(paid | opened)


def _deliveries(store: Store, person: Person, address: str) -> list[Any]:
    rows = WebhookDelivery.objects.filter(endpoint__store=store)
    found = set(_ids(rows.filter(Among(F("order_id"), person.rows[Order]))))
    # Most are found by now. (What is not among many ids is slow to tell for PostgreSQL.)
    of_customers = Order.objects.filter(Among(F("customer_id"), person.named), store=store)
    others = rows.exclude(Exists(of_customers.filter(pk=OuterRef("order_id"))))
    normal = normal_address(address)
    for pk, payload in mentioning(others, TABLES["WebhookDelivery"].columns("scrubbed"), address):
        # One of another buyer, who typed it, is theirs.
        whose = {normal_address(value) for kind, value in identifiers(payload) if kind == "email"}
        if not whose or normal in whose:
            found.add(pk)
    # Events of subscriptions name nothing else, and those of a customer may name only that.
    named = set(person.ids)
    for name in ("subscription__id", "subscription__customerId", "customer__id"):
        among = others.filter(**{f"payload__data__{name}__isnull": False})
        of_data = in_pages(among, f"payload__data__{name}")
        found.update(pk for pk, value in of_data if value in named)
    return sorted(found)


def _of_address(
    rows: QuerySet[Any], path: str, address: str, *columns: str
) -> Iterator[tuple[Any, ...]]:
    """Primary keys and columns of rows that have the address there, in whatever spelling.

    The remote may show more than the address, such as blanks around it.
    """
    likely, normal = Q(), normal_address(address)
    for spelling in spellings(address):
        likely |= Q(**{f"{path}__icontains": spelling})
    for pk, value, *others in rows.filter(likely).values_list("pk", path, *columns):
        if isinstance(value, str) and normal_address(value) == normal:
            yield (pk, *others)


def _ids(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.order_by("pk").values_list("pk", flat=True))
