"""Registers the system checks: what would fail later shows at start.

==============  ==================================================================================
pandabase.E001  PANDABASE is malformed, has an unknown key, or a value of the wrong type
pandabase.W002  no encryption key: the app runs, but no secret can be kept
pandabase.E003  an encryption key is malformed or given twice
pandabase.E004  API_URL is no https URL
pandabase.E005  stored secrets are sealed with a key that is not configured (``--database``)
pandabase.W006  the rate-limit cache belongs to one process alone
pandabase.W007  the rotation spool can't be used, or is open to everybody
pandabase.W009  a handler waits for an event that Pandabase does not send
pandabase.E010  USE_TZ is False: no run can store or compare a time
pandabase.W015  a setting or another middleware may redirect or refuse webhook deliveries
pandabase.E016  CA_BUNDLE holds no certificate
pandabase.E020  the database is neither PostgreSQL nor SQLite
pandabase.E021  routers write the app's tables to more than one database
pandabase.E022  the users are in another database than the app's tables
pandabase.E023  VERIFIED_EMAILS names no function
pandabase.I024  READ_ONLY is set: nothing is changed at Pandabase
pandabase.E025  METRICS or TRACES is set, and its library is not installed
pandabase.W026  METRICS_TOKEN is set without METRICS
pandabase.W027  confirm_publish without read_timeout: RabbitMQ may hold a page without end
pandabase.E101  a sealed field is bound to a column that does not exist
pandabase.E102  a sealed field has no purpose
pandabase.E103  a sealed field was copied into another model, as packages for histories do
==============  ==================================================================================
"""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from pandabase_django.services.health.system import (
    check_databases,
    check_deployment,
    check_handlers,
    check_settings,
    check_stored_keys,
    check_surroundings,
    check_time_zones,
)

__all__ = [
    "check_broker",
    "check_databases",
    "check_deployment",
    "check_handlers",
    "check_settings",
    "check_stored_keys",
    "check_surroundings",
    "check_time_zones",
]


def check_broker(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether RabbitMQ can hold a message, and the page that sends it, without end."""
    # When it is called: Celery need not be loaded to register it.
    from pandabase_django.tasks.broker import waits_without_end

    if not waits_without_end():
        return []
    return [
        Warning(
            "Celery's broker_transport_options set confirm_publish and no read_timeout: a RabbitMQ "
            "that runs out of memory or disk holds whoever sends it a message, pages too.",
            hint='Add "read_timeout": 5 and "write_timeout": 5 to them.',
            id="pandabase.W027",
        )
    ]


for check in (
    check_settings,
    check_deployment,
    check_time_zones,
    check_databases,
    check_handlers,
    check_surroundings,
    check_broker,
):
    register(check, "pandabase")
register(check_stored_keys, Tags.database)
