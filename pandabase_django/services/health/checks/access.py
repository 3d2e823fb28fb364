"""What of people's access needs a person's attention."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from pandabase_django.models import Product
from pandabase_django.models.access.grants import SUBSCRIPTION_TYPE
from pandabase_django.models.access.subscriptions import BEGINS_WITHIN
from pandabase_django.services.health.findings import Finding, Level, Situation

__all__ = ["subscriptions_can_be_read"]

CODE = "SUBSCRIPTIONS_READ"


def subscriptions_can_be_read(situation: Situation) -> Iterator[Finding]:
    """Stores that sell subscriptions and may not read what becomes of them."""
    lacking = {
        store_id: token
        for store_id, token in situation.active_tokens.items()
        if store_id in situation.enabled and situation.lacks(token, [CODE])
    }
    if not lacking:
        return
    selling = Product.objects.live().filter(
        situation.rows(of=lacking), product_type=SUBSCRIPTION_TYPE
    )
    for store_id in selling.order_by("store").values_list("store_id", flat=True).distinct():
        token = lacking[store_id]
        yield Finding(
            code="subscriptions_unreadable",
            level=Level.WARNING,
            sentence=_(
                "%(token)s lacks %(code)s, and %(store)s sells subscriptions: who buys one has "
                "access for %(days)s days, and none after that."
            )
            % {
                "token": token,
                "code": CODE,
                "store": situation.enabled[store_id],
                "days": BEGINS_WITHIN.days,
            },
            fix=_(
                "Allow it in the Pandabase dashboard, then declare it here and verify the "
                "permissions."
            ),
            url_name="pandabase_apitoken_change",
            url_args=(str(token.pk),),
            store_id=store_id,
        )
