"""Registers the app with Django."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core.management import CommandError
from django.db import router
from django.db.models.signals import pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from pandabase_django.observing.logs import get_logger

__all__ = ["PandabaseConfig"]

logger = get_logger(__name__)


class PandabaseConfig(AppConfig):
    """Label ``pandabase``; table names and permissions start with it."""

    name = "pandabase_django"
    label = "pandabase"
    verbose_name = _("Pandabase")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pandabase_django import (
            checks,  # noqa: F401  (registers the system checks)
            observing,
        )
        from pandabase_django.services.health.metrics import configured_observers

        observing.install(configured_observers)
        pre_migrate.connect(refuse_databases, sender=self)
        user_logged_in.connect(link_at_sign_in, dispatch_uid="pandabase.link_at_sign_in")
        autodiscover_modules("pandabase_events")  # handlers of webhook events, in any app


def link_at_sign_in(*, user: Any, **_: Any) -> None:
    """Link the customers of the user's verified addresses, if a setting says how those are known.

    Nobody is kept from signing in by what goes wrong here.
    """
    from pandabase_django.conf import conf
    from pandabase_django.exceptions import interruptions
    from pandabase_django.services.access.links import link_verified_emails

    try:
        if conf.verified_emails is not None:
            link_verified_emails(user)
    except interruptions():
        raise
    except Exception:
        logger.exception("Customers of user %s could not be linked.", user.pk)


def refuse_databases(*, using: str, plan: list[Any], **_: Any) -> None:
    """Refuse a database that can't hold the tables before the first one is made.

    The system check says the same, and ``migrate --skip-checks`` and ``call_command`` pass it by.
    MySQL has no transactions around its tables, so half of them would stay.

    Raises:
        CommandError: It is neither PostgreSQL nor SQLite.
    """
    from pandabase_django.database import unsupported

    concerned = any(migration.app_label == PandabaseConfig.label for migration, _ in plan)
    if concerned and router.allow_migrate(using, PandabaseConfig.label):
        problem = unsupported(using)
        if problem:
            raise CommandError(problem)
