"""``POST verify``. A shop mounts it if it sells software, and nothing else does.

With and without a slash, since APPEND_SLASH would redirect, and a redirected POST loses its body.
"""

from __future__ import annotations

from django.urls import path

from pandabase_django.views.licenses import verify_license

__all__ = ["app_name", "urlpatterns"]

app_name = "pandabase_licenses"
urlpatterns = [
    path("verify", verify_license, name="verify"),
    path("verify/", verify_license),
]
