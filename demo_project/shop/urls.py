"""Addresses of the shop."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from demo_project.shop.views import home, manual, orders, product

__all__ = ["app_name", "urlpatterns"]

app_name = "shop"
urlpatterns = [
    path("", home, name="home"),
    path("orders/", orders, name="orders"),
    path("manuals/<path:product_id>/", manual, name="manual"),
    path("sign-in/", LoginView.as_view(template_name="shop/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("products/<path:product_id>/", product, name="product"),
]
