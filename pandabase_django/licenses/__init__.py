"""The address at which a shop's own software asks whether a licence is good.

``path("licenses/", include("pandabase_django.licenses.urls"))`` mounts it.
"""
