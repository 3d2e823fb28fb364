"""Endpoints at Pandabase: registered, changed, deleted (Source: P-35).

The signing secret is shown once, in the answer to a registration, and goes from there straight into
the sealed field. An answer that is lost leaves a registration whose secret nobody has; the module
``comparison`` names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.api.params import WebhookCreateBody, WebhookUpdateBody
from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import (
    ConfigurationError,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    StateConflict,
)
from pandabase_django.models import Store, WebhookEndpoint
from pandabase_django.services.tokens.clients import client_for, token_of
from pandabase_django.services.tokens.holding import refuse_write
from pandabase_django.services.webhooks.comparison import write_compared
from pandabase_django.services.webhooks.secrets import (
    OVERLAP,
    SECRET_FIELDS,
    check_secret,
    lock_endpoint,
    replace_secret,
)

__all__ = [
    "RegistrationUndone",
    "checked_url",
    "create_registration",
    "delete_registration",
    "keep_registration",
    "register",
    "update_registration",
]

MAX_URL_CHARACTERS = 512  # P-35
Registration = WebhookEndpoint.Registration


def checked_url(url: str, *, store: Store) -> str:
    """A URL that Pandabase can deliver to.

    A store whose remote is on this machine too, which is a sandbox, may have any address.

    Raises:
        ConfigurationError: The store has no active token.
        ValueError: It can't; says why in words for a person.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(_("This is not a URL.")) from None
    if not host or parts.scheme not in ("http", "https") or len(url) > MAX_URL_CHARACTERS:
        raise ValueError(_("This is not a URL."))
    if _is_private(urlsplit(token_of(store).base_url).hostname or ""):
        return url
    if _is_private(host):
        raise ValueError(
            _(
                "%(host)s is reachable from this machine or network alone: Pandabase can't deliver "
                "there. Open this page under the site's public address, or use a tunnel."
            )
            % {"host": host}
        )
    if parts.scheme != "https":
        raise ValueError(_("Pandabase delivers to https addresses only."))
    return url


def register(
    endpoint: WebhookEndpoint, *, url: str, event_types: Iterable[str] = EVENT_TYPES
) -> None:
    """Register an endpoint at Pandabase; its signing secret is sealed at once.

    Call it outside a transaction: what came back must be committed whatever happens next.

    Args:
        endpoint: A row that is not registered.
        url: Its public address.
        event_types: What is to be delivered.

    Raises:
        ValueError: The URL or an event type can't be registered; says why.
        StateConflict: It is registered already.
        HeldBack: This deployment must not register.
        PandabaseError: The remote refused, or the secret can't be sealed.
    """
    refuse_write(endpoint.store_id)
    url, types = checked_url(url, store=endpoint.store), _checked_types(event_types)
    with transaction.atomic():
        row = lock_endpoint(endpoint.pk)
        if row.remote_id:
            raise StateConflict(_("This endpoint is registered already."), status=409)
        row.registration = Registration.PENDING
        row.url, row.event_types = url, types
        row.save(update_fields=["registration", "url", "event_types"])
    try:
        answer = create_registration(row)
    except (PandabaseError, ConfigurationError) as error:
        if _surely_refused(error):
            WebhookEndpoint.objects.filter(pk=row.pk, remote_id="").update(
                registration=Registration.BY_HAND
            )
        raise
    keep_registration(row.pk, answer)
    endpoint.refresh_from_db()


class RegistrationUndone(ProtocolError):
    """What a registration answered is of no use, and what it made is deleted again."""


def create_registration(row: WebhookEndpoint) -> schemas.NewWebhook:
    """Register an endpoint's address, and look whether the secret in the answer proves anything.

    With an empty or well-known secret everybody could sign. A registration that answers one, or
    none, is deleted again.

    Raises:
        RegistrationUndone: The secret is of no use; nothing is registered.
        ProtocolError: So it is, but something may be registered; comparing shows it.
        PandabaseError: The remote refused.
    """
    body: WebhookCreateBody = {
        "url": row.url,
        "eventTypes": row.event_types,
        "signatureVersion": "V2",
    }
    if row.label:
        body["note"] = row.label[:256]
    with client_for(row.store, hurried=True) as client:
        try:
            answer = client.webhooks.create(body)
        except ProtocolError as error:
            if not error.created_id:
                raise
            created_id = error.created_id
        else:
            if _proves_something(answer):
                return answer
            created_id = answer.webhook.id
        problem = _("Pandabase answered the registration without a usable signing secret.")
        try:
            client.webhooks.delete(created_id)
        except (PandabaseError, ValueError) as error:  # no path can be made of an odd id
            left = _("Registration %(id)s could not be deleted again: %(why)s")
            reason = left % {"id": created_id, "why": error}
        else:
            undone = _("It was deleted there again.")
            raise RegistrationUndone(f"{problem} {undone}")
        raise ProtocolError(f"{problem} {reason}", created_id=created_id, outcome_unknown=True)


def _proves_something(answer: schemas.NewWebhook) -> bool:
    try:
        check_secret(Secret(answer.reveal()))
    except ValueError:
        return False
    return True


def update_registration(
    endpoint: WebhookEndpoint, *, url: str | None = None, event_types: Iterable[str] | None = None
) -> None:
    """Change what is registered; None leaves a value as it is.

    Raises:
        ValueError: A value can't be registered; says why.
        HeldBack: This deployment must not change what is registered.
        PandabaseError: The remote refused.
    """
    refuse_write(endpoint.store_id)
    url = None if url is None else checked_url(url, store=endpoint.store)
    types = None if event_types is None else _checked_types(event_types)
    body: WebhookUpdateBody = {"isEnabled": endpoint.enabled}
    if url is not None:
        body["url"] = url
    if types is not None:
        body["eventTypes"] = types
    with client_for(endpoint.store, hurried=True) as client:
        for remote_id in filter(None, (endpoint.remote_id, endpoint.previous_remote_id)):
            remote = client.webhooks.update(remote_id, body)
            if remote_id == endpoint.remote_id:
                endpoint.url = endpoint.url if url is None else url
                endpoint.event_types = endpoint.event_types if types is None else types
                endpoint.save(update_fields=["url", "event_types"])
                write_compared(endpoint, remote)
    endpoint.refresh_from_db()


def delete_registration(endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint at Pandabase. The row, its deliveries and its secret stay.

    Raises:
        PandabaseError: The remote refused; one that is gone already is no error.
    """
    with client_for(endpoint.store, hurried=True) as client:
        for remote_id in filter(None, (endpoint.remote_id, endpoint.previous_remote_id)):
            with suppress(ObjectNotFound):
                client.webhooks.delete(remote_id)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        registration=Registration.BY_HAND,
        remote_id="",
        previous_remote_id="",
        drift=[],
        compared_at=timezone.now(),
    )
    endpoint.refresh_from_db()


def keep_registration(pk: str, answer: schemas.NewWebhook) -> None:
    """Write a new registration and its secret: the only copy there is."""
    with transaction.atomic():
        row = lock_endpoint(pk)
        row.previous_remote_id = row.remote_id
        row.remote_id = answer.webhook.id
        row.registration = Registration.REGISTERED
        # Cut as the column is: a longer word must not cost the secret.
        longest = row._meta.get_field("signature_version").max_length
        row.signature_version = (answer.webhook.signature_version or row.signature_version)[
            :longest
        ]
        row.drift, row.compared_at = [], timezone.now()
        replace_secret(row, Secret(answer.reveal()), overlap=OVERLAP)
        row.save(
            update_fields=[
                *SECRET_FIELDS,
                "remote_id",
                "previous_remote_id",
                "registration",
                "signature_version",
                "drift",
                "compared_at",
            ]
        )


def _surely_refused(error: Exception) -> bool:
    """Nothing was sent, it was undone, or the API itself refused."""
    return not isinstance(error, PandabaseError) or not error.outcome_unknown


def _checked_types(event_types: Iterable[str]) -> list[str]:
    wanted: Sequence[str] = list(dict.fromkeys(event_types))
    unknown = [name for name in wanted if name not in EVENT_TYPES]
    if unknown:
        raise ValueError(_("Unknown event types: %(names)s.") % {"names": ", ".join(unknown)})
    if not wanted:
        raise ValueError(_("Choose at least one event type."))
    return [name for name in EVENT_TYPES if name in wanted]


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".test")):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host
    return not address.is_global
