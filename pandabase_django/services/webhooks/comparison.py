"""What Pandabase has registered, beside what stands here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.cache import caches
from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.conf import conf
from pandabase_django.exceptions import StateConflict
from pandabase_django.models import Store, WebhookEndpoint
from pandabase_django.services.clients import client_for

__all__ = ["Comparison", "compare", "delete_stray", "known_strays", "write_compared"]

STRAYS_SECONDS = 3600  # for so long they can be deleted without another comparison

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

    ``known_strays`` tells the strays for an hour.

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
    paths = {endpoint.pk for endpoint in ours}
    strays: list[schemas.Webhook] = []
    others: list[schemas.Webhook] = []
    for webhook in remote.values():
        if webhook.id in held:
            continue
        last = urlsplit(webhook.url or "").path.rstrip("/").rpartition("/")[2]
        (strays if last in paths else others).append(webhook)
    _keep_strays(store.pk, [stray.id for stray in strays])
    return Comparison(tuple(ours), tuple(strays), tuple(others))


def known_strays(store_id: str) -> list[str]:
    """Ids of the strays that the last comparison found and that were not deleted since."""
    return list(caches[conf.webhook_cache].get(_strays_key(store_id), ()))


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
    _keep_strays(store.pk, [stray for stray in known_strays(store.pk) if stray != remote_id])


def write_compared(endpoint: WebhookEndpoint, remote: schemas.Webhook | None) -> None:
    """Note on an endpoint what differs from its registration; None when there is none."""
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
            if there is not None and here != there  # a value left out is no difference
        ]
    endpoint.save(update_fields=["registration", "drift", "compared_at"])


def _keep_strays(store_id: str, ids: list[str]) -> None:
    caches[conf.webhook_cache].set(_strays_key(store_id), ids, timeout=STRAYS_SECONDS)


def _strays_key(store_id: str) -> str:
    return f"pandabase:webhook:strays:{store_id}"
