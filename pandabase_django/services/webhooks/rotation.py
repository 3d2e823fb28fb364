"""A new signing secret by a second registration of the same address.

Nothing rolls a signing secret at the remote (Source: P-35). Both registrations deliver and both
secrets are live for a while; then the first is deleted.
"""

from __future__ import annotations

from contextlib import suppress

from django.db import Error as AnyDatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.conf import conf
from pandabase_django.exceptions import (
    ConfigurationError,
    ObjectNotFound,
    PandabaseError,
    StateConflict,
    interruptions,
)
from pandabase_django.models import WebhookEndpoint
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.tokens.clients import client_for
from pandabase_django.services.tokens.holding import refuse_write, stores_elsewhere
from pandabase_django.services.webhooks.registration import create_registration, keep_registration

__all__ = ["finish_due_rotations", "finish_rotation", "start_rotation"]

logger = get_logger(__name__)

Registration = WebhookEndpoint.Registration


def start_rotation(endpoint: WebhookEndpoint) -> None:
    """Register the same address a second time, for a new signing secret.

    Both registrations deliver, and both secrets are live, until the rotation is finished; events
    that come twice are stored once.

    Raises:
        HeldBack: This deployment must not register.
        StateConflict: It is not registered, or the rotation before is not finished.
        PandabaseError: The remote refused; nothing has changed.
    """
    refuse_write(endpoint.store_id)
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk, registration=Registration.REGISTERED)
    if not rows.filter(previous_remote_id="").update(registration=Registration.PENDING):
        raise StateConflict(
            _(
                "This endpoint is not registered at Pandabase, or a rotation of its secret is not "
                "finished yet."
            ),
            status=409,
        )
    row = WebhookEndpoint.objects.select_related("store").get(pk=endpoint.pk)
    try:
        answer = create_registration(row)
    except (PandabaseError, ConfigurationError):
        # A second registration may exist nevertheless; comparing shows it.
        WebhookEndpoint.objects.filter(pk=row.pk, registration=Registration.PENDING).update(
            registration=Registration.REGISTERED
        )
        raise
    keep_registration(row.pk, answer)
    endpoint.refresh_from_db()


def finish_rotation(endpoint: WebhookEndpoint) -> None:
    """Delete the first of two registrations, and refuse its secret from now on.

    Raises:
        PandabaseError: The remote refused; both stay live.
    """
    if endpoint.previous_remote_id:
        with client_for(endpoint.store, hurried=True) as client, suppress(ObjectNotFound):
            client.webhooks.delete(endpoint.previous_remote_id)
    WebhookEndpoint.objects.filter(
        pk=endpoint.pk,
        previous_remote_id=endpoint.previous_remote_id,
        # A secret pasted meanwhile has made another one the previous secret.
        previous_valid_until=endpoint.previous_valid_until,
    ).update(
        previous_remote_id="",
        previous_secret=None,
        previous_secret_hint="",
        previous_valid_until=None,
    )
    endpoint.refresh_from_db()


def finish_due_rotations() -> list[tuple[WebhookEndpoint, str]]:
    """Finish rotations whose overlap is over. Returns each with what went wrong, "" for nothing.

    They wait while this deployment must not change what is registered.
    """
    if conf.read_only:
        return []
    now = timezone.now()
    due = WebhookEndpoint.objects.filter(previous_valid_until__lte=now).select_related("store")
    due = due.exclude(store__in=stores_elsewhere())
    results = []
    for endpoint in due:
        try:
            finish_rotation(endpoint)
        except (PandabaseError, ConfigurationError) as error:
            results.append((endpoint, str(error)))
        except AnyDatabaseError:
            raise
        except interruptions():
            raise
        except Exception as error:  # of one endpoint; the others' old secrets are to die too
            logger.exception(
                "The rotation of endpoint …%s met an unexpected error.",
                endpoint.pk[-6:],
                extra=facts(store=endpoint.store_id),
            )
            results.append((endpoint, f"{type(error).__name__}; the log has it."))
        else:
            results.append((endpoint, ""))
    return results
