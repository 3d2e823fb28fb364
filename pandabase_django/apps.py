"""Registers the app with Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

__all__ = ["PandabaseConfig"]


class PandabaseConfig(AppConfig):
    """Label ``pandabase``; table names and permissions start with it."""

    name = "pandabase_django"
    label = "pandabase"
    verbose_name = _("Pandabase")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pandabase_django import checks  # noqa: F401  (registers the system checks)

        autodiscover_modules("pandabase_events")  # handlers of webhook events, in any app
