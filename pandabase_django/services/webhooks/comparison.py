"""What Pandabase has registered, compared with the endpoints here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.exceptions import StateConflict
from pandabase_django.models import Store, WebhookEndpoint
from pandabase_django.services.tokens.clients import client_for

__all__ = ["Comparison", "compare", "delete_stray", "known_strays", "write_compared"]

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


def compare(store: Store) -> Comparison:
    """Read a store's registrations and note on each endpoint what differs.

    The strays are noted too, at the endpoint whose address they deliver to.

    Raises:
        PandabaseError: The remote refused.
    """
    with client_for(store, hurried=True) as client:
        remote = {webhook.id: webhook for webhook in client.webhooks.iterate()}
    ours = list(WebhookEndpoint.objects.filter(store=store))
    held: set[str] = set()
    for endpoint in ours:
        held |= {endpoint.remote_id, endpoint.previous_remote_id}
        if endpoint.registration != Registration.BY_HAND:
            write_compared(endpoint, remote.get(endpoint.remote_id))
    strays: list[schemas.Webhook] = []
    others: list[schemas.Webhook] = []
    found: dict[str, list[str]] = {endpoint.pk: [] for endpoint in ours}
    for webhook in remote.values():
        if webhook.id in held:
            continue
        pk = _last_part(webhook.url or "")
        (strays if pk in found else others).append(webhook)
        found.get(pk, []).append(webhook.id)
    for endpoint in ours:
        _note_strays(endpoint, found[endpoint.pk])
    return Comparison(tuple(ours), tuple(strays), tuple(others))


def _last_part(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        return ""  # such as "https://[x": no address of this site


def known_strays(store_id: str) -> list[str]:
    """Ids of the strays that the last comparison found and that were not deleted since."""
    endpoints = WebhookEndpoint.objects.filter(store_id=store_id)
    return [pk for strays in endpoints.values_list("strays", flat=True) for pk in strays]


def delete_stray(store: Store, remote_id: str) -> None:
    """Delete a registration whose secret nobody has.

    Raises:
        StateConflict: One of our endpoints holds it.
        PandabaseError: The remote refused.
    """
    ours = WebhookEndpoint.objects.filter(store=store)
    if ours.filter(remote_id=remote_id) or ours.filter(previous_remote_id=remote_id):
        raise StateConflict(_("This registration belongs to an endpoint here."), status=409)
    with client_for(store, hurried=True) as client:
        client.webhooks.delete(remote_id)
    for endpoint in ours:
        _note_strays(endpoint, [stray for stray in endpoint.strays if stray != remote_id])


def write_compared(endpoint: WebhookEndpoint, remote: schemas.Webhook | None) -> None:
    """Note on an endpoint what differs from its registration; None when there is none."""
    endpoint.compared_at = timezone.now()
    if remote is None:
        # Without an id it was never confirmed: whatever the lost answer created is a stray.
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
            if there is not None and here != there  # a value left out is no difference
        ]
    endpoint.save(update_fields=["registration", "drift", "compared_at"])


def _note_strays(endpoint: WebhookEndpoint, ids: list[str]) -> None:
    if endpoint.strays != ids:
        endpoint.strays = ids
        endpoint.save(update_fields=["strays"])
