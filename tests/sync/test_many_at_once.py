"""More rows at once than a statement of the database takes parameters."""

from __future__ import annotations

import pytest
from django.utils import timezone

from pandabase_django.models import Order, OrderItem, Product, ProductVariant, Store
from tests.parameters import at_most_999_parameters
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 1100


def test_products_that_vanish_together(store: Store, sync: Sync) -> None:
    assert sync("products").run.state == "COMPLETED"
    stood = Product.objects.count()
    times = {"first_seen_at": timezone.now(), "synced_at": timezone.now()}
    products = [Product(id=f"prd_gone{n}", store=store, **times) for n in range(MANY)]
    Product.objects.bulk_create(products)
    ProductVariant.objects.bulk_create(
        [ProductVariant(id=f"var_{p.pk}", store=store, product=p, **times) for p in products]
    )
    with at_most_999_parameters():
        run = sync("products").run
    assert (run.state, run.rows_gone) == ("COMPLETED", 2 * MANY)
    assert Product.objects.filter(gone_at=None).count() == stood


@pytest.mark.thorough
def test_orders_that_vanish_together(store: Store, sync: Sync) -> None:
    assert sync("orders").run.state == "COMPLETED"
    stood = Order.objects.count()
    now = timezone.now()
    times = {"first_seen_at": now, "synced_at": now}
    # What has no time of creation has no place in the list, and is never proved gone.
    orders = [
        Order(id=f"ord_gone{n}", store=store, dirty=True, created_at=now, **times)
        for n in range(MANY)
    ]
    Order.objects.bulk_create(orders)
    OrderItem.objects.bulk_create(
        [OrderItem(id=f"itm_{o.pk}", store=store, order=o, **times) for o in orders]
    )
    with at_most_999_parameters():
        run = sync("orders").run
    assert (run.state, run.rows_gone) == ("COMPLETED", 2 * MANY)
    assert Order.objects.filter(gone_at=None).count() == stood
