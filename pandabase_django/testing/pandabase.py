"""What a test says of buyers and of what is sold; each gives the row that this shop has of it.

Rows are made as those of production are: it happens at the Pandabase, and what arrives of it is
read. So each has all columns and relations that a real one has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pandabase_django.checkout import ItemLike, open_checkout
from pandabase_django.models import CheckoutSession, License, Order, Product, Subscription
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync.refresh import fetch_product
from pandabase_django.testing.arrivals import Arrivals
from pandabase_django.testing.possible import checked_product
from pandabase_django.testing.remote import Buyer

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Pandabase"]

RETURN_URL = "https://shop.example/thanks/{session}/"


class Pandabase(Arrivals):
    """A store at a Pandabase, and the rows that this shop has of it.

    Use it as a context manager, inside a test that may use the database.

    Attributes:
        remote: The Pandabase: what happens there alone, and what goes wrong.
        token: The store's token, active here.
        store: The store.
        endpoint: Where its deliveries arrive; None when the project's URLs lack the app's.
    """

    def product(
        self,
        title: str = "Course",
        *,
        price_minor: int = 2900,
        product_type: str = "DIGITAL_DOWNLOAD",
        **fields: Any,
    ) -> Product:
        """A product that is on sale.

        Args:
            title: What buyers read.
            price_minor: In cents.
            product_type: ``DIGITAL_DOWNLOAD``, ``LICENSE_KEY`` or ``SUBSCRIPTION``.
            fields: Others in Pandabase's spelling, such as ``status="DRAFT"`` or ``variants=[…]``.

        Raises:
            ValueError: A product has no such field, or none with such a value.
        """
        fields = {"status": "ACTIVE", **fields}
        fields |= {"title": title, "price": price_minor, "productType": product_type}
        (pk,) = self.remote.change("create_product", fields=checked_product(fields))
        fetch_product(self.store, pk)
        return Product.objects.get(pk=pk)

    def checkout(self, *items: ItemLike, **options: Any) -> CheckoutSession:
        """An open checkout session.

        Args:
            items: As of ``open_checkout``; none: a product.
            options: Of ``open_checkout``, such as ``user`` and ``purpose``.
        """
        options = {"return_url": RETURN_URL, **options}
        return open_checkout(self.store, items or [self.product()], **options)

    def paid_order(self, *items: ItemLike, buyer: Buyer | None = None, **options: Any) -> Order:
        """An order that was paid; your handlers were called for it.

        Args:
            items: As of ``open_checkout``; none: a product.
            buyer: What the buyer gives, see ``pay``.
            options: Of ``open_checkout``, such as ``user`` and ``purpose``.
        """
        return self.pay(self.checkout(*items, **options), **(buyer or {}))

    def active_subscription(
        self, user: Any = None, product: Product | None = None, **options: Any
    ) -> Subscription:
        """A subscription whose first period was paid.

        Args:
            user: Whose; None is a guest's.
            product: To what; None: to a product of its own.
            options: Of ``open_checkout``, such as ``purpose``.

        Raises:
            ValueError: The product is none that is subscribed to.
        """
        product = product or self.product(product_type="SUBSCRIPTION")
        known = {one["id"] for one in self.remote.sandbox.dump("subscriptions")}
        self.paid_order(product, user=user, **options)
        made = {one["id"] for one in self.remote.sandbox.dump("subscriptions")} - known
        if not made:
            raise ValueError(f"Who buys {product} subscribes to nothing: it is no SUBSCRIPTION.")
        return self._arrived(Subscription, made.pop())

    def license(self, user: Any = None, product: Product | None = None, **options: Any) -> License:
        """A licence that was bought.

        Args:
            user: Whose; None is a guest's.
            product: For what; None: for a product of its own.
            options: Of ``open_checkout``, such as ``purpose``.
        """
        product = product or self.product(product_type="LICENSE_KEY")
        order = self.paid_order(product, user=user, **options)
        self.sync(Resource.LICENSES)
        return License.objects.get(order=order)

    def pay(self, session: CheckoutSession, **buyer: Unpack[Buyer]) -> Order:
        """A buyer pays a session, or what was being processed of it is paid.

        Args:
            session: An open one.
            buyer: What the buyer gives: ``email``, ``name``, ``country``, ``state``, ``typed``,
                ``prices``, ``presentment``; see ``Remote.pay``.

        Raises:
            ChangeRefused: It is paid, or has expired.
        """
        return self._arrived(Order, self.remote.pay(session, **buyer))

    def pay_slowly(self, session: CheckoutSession, **buyer: Unpack[Buyer]) -> Order:
        """A buyer pays a session by what takes days: its order is processed until ``pay``."""
        return self._arrived(Order, self.remote.pay(session, how="async", **buyer))

    def decline(self, session: CheckoutSession, **buyer: Unpack[Buyer]) -> Order:
        """A buyer's card is declined: the session's order has failed, and can be tried again."""
        return self._arrived(Order, self.remote.pay(session, how="decline", **buyer))

    def refund(self, order: Order) -> Order:
        """The store's owner refunds an order, at Pandabase."""
        self.remote.refund(order)
        return self._arrived(Order, order.pk)

    def dispute(self, order: Order) -> Order:
        """A buyer's bank takes the money back."""
        self.remote.dispute(order)
        return self._arrived(Order, order.pk)

    def resolve(self, order: Order, *, outcome: str = "WON") -> Order:
        """The dispute of an order ends; the outcome is ``WON``, ``LOST`` or ``PREVENTED``."""
        self.remote.resolve(order, outcome=outcome)
        return self._arrived(Order, order.pk)

    def renew(self, subscription: Subscription) -> Subscription:
        """The next period of a subscription is paid."""
        self.remote.renew(subscription)
        return self._arrived(Subscription, subscription.pk)

    def miss_charge(self, subscription: Subscription) -> Subscription:
        """The next period's charge fails; after four more tries the subscription is cancelled."""
        self.remote.miss_charge(subscription)
        return self._arrived(Subscription, subscription.pk)

    def cancel(self, subscription: Subscription, *, immediate: bool = False) -> Subscription:
        """A subscription is cancelled: access ends with the period, or at once (``immediate``)."""
        self.remote.cancel(subscription, immediate=immediate)
        return self._arrived(Subscription, subscription.pk)
