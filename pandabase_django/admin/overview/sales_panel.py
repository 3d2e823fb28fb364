"""What was sold, as the overview shows it: charts with a table behind, statuses, top products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from pandabase_django.admin.base.display import badge, money
from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_stores
from pandabase_django.admin.mirror.orders import ORDER_TONES
from pandabase_django.admin.overview.charts import Bar, bar_chart
from pandabase_django.models import Order, Product
from pandabase_django.services.health.figures import Figures, sales_figures
from pandabase_django.texts.amounts import money_text

__all__ = ["sales_panel"]


def sales_panel(site: admin.AdminSite, request: HttpRequest) -> dict[str, Any]:
    """Context of the panel, from the orders of stores whose orders this person may see."""
    stores = visible_stores(site, request, Order)
    if not stores:
        return {"figures": None}
    figures = sales_figures([store.pk for store in stores])
    products = may_view(site, request, Product)
    orders_url = admin_url(site, "pandabase_order_changelist")
    return {
        "figures": figures if figures.orders else None,
        "first": figures.days[0].day,
        "last": figures.days[-1].day,
        "gross": money(figures.gross_minor, figures.currency),
        "other_gross": [money(m, name) for name, m in sorted(figures.other_gross_minor.items())],
        "orders_url": orders_url,
        "charts": _charts(figures),
        "table": [
            (
                date_format(day.day, "DATE_FORMAT"),
                day.orders,
                money(day.gross_minor, figures.currency),
            )
            for day in reversed(figures.days)
        ],
        "statuses": [
            (
                badge(status or "?", tone=ORDER_TONES.get(status, "quiet")),
                count,
                f"{orders_url}?{urlencode({'status': status})}",
            )
            for status, count in figures.by_status
        ],
        "top": [
            (
                product.name,
                product.quantity,
                change_url(site, "product", product.product_id)
                if products and product.name != product.product_id  # else it is not here
                else "",
            )
            for product in figures.top
        ],
    }


def _charts(figures: Figures) -> list[tuple[str, str]]:
    first, last = (date_format(figures.days[place].day, "DATE_FORMAT") for place in (0, -1))

    def draw(title: str, values: Sequence[int], texts: Sequence[str]) -> tuple[str, str]:
        tallest = max(range(len(values)), key=lambda place: values[place])
        bars = [
            Bar(value, f"{date_format(day.day, 'DATE_FORMAT')}: {text}")
            for day, value, text in zip(figures.days, values, texts, strict=True)
        ]
        chart = bar_chart(bars, title=title, first=first, last=last, highest=texts[tallest])
        return title, chart

    volume = [day.gross_minor for day in figures.days]
    orders = [day.orders for day in figures.days]
    return [
        draw(
            gettext("Gross volume per day"),
            volume,
            [money_text(value, figures.currency) for value in volume],
        ),
        draw(
            gettext("Orders per day"),
            orders,
            [number_format(value, use_l10n=True, force_grouping=True) for value in orders],
        ),
    ]
