"""A project that does not mount the app."""

from __future__ import annotations

urlpatterns: list[object] = []
