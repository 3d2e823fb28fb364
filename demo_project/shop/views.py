"""The shop's own pages. Those of a checkout come with the app."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from demo_project.shop.pandabase_events import PURPOSE
from pandabase_django.access import has_access
from pandabase_django.models import Order, OrderItem, Product, ProductVariant

__all__ = ["home", "manual", "orders", "product"]

PRODUCTS_A_PAGE = 12
ORDERS_AT_HOME = 2
LEAST_MINOR = 100  # Pandabase sells nothing cheaper (P-45)


def home(request: HttpRequest) -> HttpResponse:
    """What is on sale, and what this buyer bought last."""
    pages = Paginator(_on_sale().order_by("-in_stock", "-created_at"), PRODUCTS_A_PAGE)
    context = {
        "products": pages.get_page(request.GET.get("page")),
        "orders": _orders_of(request.user)[:ORDERS_AT_HOME],
        "purpose": PURPOSE,
    }
    return render(request, "shop/home.html", context)


def product(request: HttpRequest, product_id: str) -> HttpResponse:
    """One product, with its variants."""
    found = get_object_or_404(_on_sale(), pk=product_id)
    return render(request, "shop/product.html", {"product": found, "purpose": PURPOSE})


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """What this buyer bought: no e-mail address decides that, but the checkouts opened for them."""
    context = {
        "orders": _orders_of(request.user),
        "usable": Product.objects.accessible_to(request.user).order_by("title"),
    }
    return render(request, "shop/orders.html", context)


def manual(request: HttpRequest, product_id: str) -> HttpResponse:
    """What only those see who bought the product, and did not give it back."""
    found = get_object_or_404(Product, pk=product_id)
    if not has_access(request.user, found):
        return redirect("shop:product", found.pk)
    return render(request, "shop/manual.html", {"product": found})


def _on_sale() -> QuerySet[Product]:
    variants = ProductVariant.objects.live().filter(price_minor__gte=LEAST_MINOR)
    return (
        Product.objects.on_sale()
        .filter(price_minor__gte=LEAST_MINOR)
        .prefetch_related(Prefetch("variants", variants.order_by("position"), "sold_variants"))
    )


def _orders_of(user: Any) -> QuerySet[Order]:
    items = OrderItem.objects.live().order_by("position")
    return (
        Order.objects.for_user(user)
        .live()
        .order_by("-created_at")
        .prefetch_related(Prefetch("items", items, "lines"), "purchases__licences")
    )
