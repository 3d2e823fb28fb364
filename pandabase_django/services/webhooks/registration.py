"""Endpoints as Pandabase knows them: registered, changed, deleted, compared (Source: P-35).

The signing secret is shown once, in the answer to a registration, and goes from there straight into
the sealed field. An answer that is lost leaves a registration whose secret nobody has; comparing
names it, and it can be deleted. Nothing rolls a signing secret: a second registration of the same
address brings a new one, both deliver for a while, and then the first is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.api.webhook_payload import EVENT_TYPES
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    ServerError,
    StateConflict,
    TransportError,
)
from pandabase_django.models import Store, WebhookEndpoint
from pandabase_django.services.clients import client_for, token_of
from pandabase_django.services.webhooks.secrets import (
    OVERLAP,
    SECRET_FIELDS,
    lock_endpoint,
    replace_secret,
)

__all__ = [
    "Comparison",
    "checked_url",
    "compare",
    "delete_registration",
    "delete_stray",
    "finish_due_rotations",
    "finish_rotation",
    "register",
    "start_rotation",
    "update_registration",
]

MAX_URL_CHARACTERS = 512  # P-35
Registration = WebhookEndpoint.Registration


@dataclass(frozen=True, slots=True)
class Comparison:
    """A store's endpoints here and there.

    Attributes:
        checked: Local endpoints; what differs is in their ``drift``.
        strays: Registrations that deliver to an address of ours though no row holds their secret.
        others: Registrations of other addresses; none of our business.
    """

    checked: tuple[WebhookEndpoint, ...]
    strays: tuple[schemas.Webhook, ...]
    others: tuple[schemas.Webhook, ...]


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
        PandabaseError: The remote refused, or the secret can't be sealed.
    """
    url, types = checked_url(url, store=endpoint.store), _checked_types(event_types)
    with transaction.atomic():
        row = lock_endpoint(endpoint.pk)
        if row.remote_id:
            raise StateConflict(_("This endpoint is registered already."), status=409)
        row.registration = Registration.PENDING
        row.url, row.event_types = url, types
        row.save(update_fields=["registration", "url", "event_types"])
    try:
        with client_for(row.store) as client:
            answer = client.webhooks.create(url=url, event_types=types, note=row.label[:256])
    except (PandabaseError, ConfigurationError) as error:
        if _surely_refused(error):
            WebhookEndpoint.objects.filter(pk=row.pk, remote_id="").update(
                registration=Registration.BY_HAND
            )
        raise
    _keep(row.pk, answer)
    endpoint.refresh_from_db()


def update_registration(
    endpoint: WebhookEndpoint, *, url: str | None = None, event_types: Iterable[str] | None = None
) -> None:
    """Change what is registered; None leaves a value as it is.

    Raises:
        ValueError: A value can't be registered; says why.
        PandabaseError: The remote refused.
    """
    url = None if url is None else checked_url(url, store=endpoint.store)
    types = None if event_types is None else _checked_types(event_types)
    with client_for(endpoint.store) as client:
        for remote_id in filter(None, (endpoint.remote_id, endpoint.previous_remote_id)):
            remote = client.webhooks.update(
                remote_id, url=url, event_types=types, enabled=endpoint.enabled
            )
            if remote_id == endpoint.remote_id:
                endpoint.url = endpoint.url if url is None else url
                endpoint.event_types = endpoint.event_types if types is None else types
                endpoint.save(update_fields=["url", "event_types"])
                _write_compared(endpoint, remote)
    endpoint.refresh_from_db()


def delete_registration(endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint at Pandabase. The row, its deliveries and its secret stay.

    Raises:
        PandabaseError: The remote refused; one that is gone already is no error.
    """
    with client_for(endpoint.store) as client:
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


def start_rotation(endpoint: WebhookEndpoint) -> None:
    """Register the same address a second time, for a new signing secret.

    Both registrations deliver, and both secrets are live, until the rotation is finished; events
    that come twice are stored once.

    Raises:
        StateConflict: It is not registered, or the rotation before is not finished.
        PandabaseError: The remote refused; nothing has changed.
    """
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
        with client_for(row.store) as client:
            answer = client.webhooks.create(
                url=row.url, event_types=row.event_types, note=row.label[:256]
            )
    except (PandabaseError, ConfigurationError):
        # A second registration may exist nevertheless; comparing shows it.
        WebhookEndpoint.objects.filter(pk=row.pk, registration=Registration.PENDING).update(
            registration=Registration.REGISTERED
        )
        raise
    _keep(row.pk, answer)
    endpoint.refresh_from_db()


def finish_rotation(endpoint: WebhookEndpoint) -> None:
    """Delete the first of two registrations, and refuse its secret from now on.

    Raises:
        PandabaseError: The remote refused; both stay live.
    """
    if endpoint.previous_remote_id:
        with client_for(endpoint.store) as client, suppress(ObjectNotFound):
            client.webhooks.delete(endpoint.previous_remote_id)
    WebhookEndpoint.objects.filter(
        pk=endpoint.pk, previous_remote_id=endpoint.previous_remote_id
    ).update(
        previous_remote_id="",
        previous_secret=None,
        previous_secret_hint="",
        previous_valid_until=None,
    )
    endpoint.refresh_from_db()


def finish_due_rotations() -> list[tuple[WebhookEndpoint, str]]:
    """Finish rotations whose overlap is over. Returns each with what went wrong, "" for nothing."""
    now = timezone.now()
    due = WebhookEndpoint.objects.filter(previous_valid_until__lte=now).select_related("store")
    results = []
    for endpoint in due:
        try:
            finish_rotation(endpoint)
        except (PandabaseError, ConfigurationError) as error:
            results.append((endpoint, str(error)))
        else:
            results.append((endpoint, ""))
    return results


def compare(store: Store) -> Comparison:
    """Read a store's registrations and note on each endpoint what differs.

    Raises:
        PandabaseError: The remote refused.
    """
    with client_for(store) as client:
        remote = {webhook.id: webhook for webhook in client.webhooks.iterate()}
    ours = list(WebhookEndpoint.objects.filter(store=store))
    held: set[str] = set()
    for endpoint in ours:
        held |= {endpoint.remote_id, endpoint.previous_remote_id}
        if endpoint.registration != Registration.BY_HAND:
            _write_compared(endpoint, remote.get(endpoint.remote_id))
    paths = {endpoint.pk for endpoint in ours}
    strays: list[schemas.Webhook] = []
    others: list[schemas.Webhook] = []
    for webhook in remote.values():
        if webhook.id in held:
            continue
        last = urlsplit(webhook.url or "").path.rstrip("/").rpartition("/")[2]
        (strays if last in paths else others).append(webhook)
    return Comparison(tuple(ours), tuple(strays), tuple(others))


def delete_stray(store: Store, remote_id: str) -> None:
    """Delete a registration whose secret nobody has.

    Raises:
        StateConflict: One of our endpoints holds it.
        PandabaseError: The remote refused.
    """
    ours = WebhookEndpoint.objects.filter(store=store)
    if ours.filter(remote_id=remote_id) or ours.filter(previous_remote_id=remote_id):
        raise StateConflict(_("This registration belongs to an endpoint here."), status=409)
    with client_for(store) as client:
        client.webhooks.delete(remote_id)


def _keep(pk: str, answer: schemas.NewWebhook) -> None:
    """Write a new registration and its secret: the only copy there is."""
    with transaction.atomic():
        row = lock_endpoint(pk)
        row.previous_remote_id = row.remote_id
        row.remote_id = answer.webhook.id
        row.registration = Registration.REGISTERED
        row.signature_version = answer.webhook.signature_version or row.signature_version
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


def _write_compared(endpoint: WebhookEndpoint, remote: schemas.Webhook | None) -> None:
    endpoint.compared_at = timezone.now()
    if remote is None:
        # Without an id it was never confirmed: whatever the lost answer told of is a stray.
        gone = bool(endpoint.remote_id)
        endpoint.registration = Registration.GONE if gone else Registration.BY_HAND
        endpoint.drift = (
            [{"field": "registration", "here": endpoint.remote_id, "there": ""}] if gone else []
        )
    else:
        endpoint.registration = Registration.REGISTERED
        endpoint.drift = [
            {"field": field, "here": here, "there": there}
            for field, here, there in (
                ("url", endpoint.url, remote.url),
                ("event_types", sorted(endpoint.event_types), sorted(remote.event_types)),
                ("enabled", endpoint.enabled, remote.enabled),
                ("signature_version", endpoint.signature_version, remote.signature_version),
            )
            if here != there
        ]
    endpoint.save(update_fields=["registration", "drift", "compared_at"])


def _surely_refused(error: Exception) -> bool:
    """Nothing was sent, or the remote answered and with no 5xx: it registered nothing."""
    if isinstance(error, APIError):
        return not isinstance(error, ServerError)
    return not isinstance(error, (TransportError, ProtocolError))


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
