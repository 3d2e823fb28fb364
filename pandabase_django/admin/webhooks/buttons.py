"""The buttons of an endpoint's page: each is one call to Pandabase, or one change here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.webhooks.forms import DeleteForm, RegisterForm, StrayForm
from pandabase_django.exceptions import ConfigurationError, HeldBack, PandabaseError
from pandabase_django.models import WebhookEndpoint
from pandabase_django.services.tokens.holding import held_back
from pandabase_django.services.webhooks import comparison, registration, rotation
from pandabase_django.services.webhooks.own_address import check_own_address, receiving_path
from pandabase_django.services.webhooks.secrets import drop_previous_secret

__all__ = ["BUTTONS", "REGISTER", "receiving_url"]

REGISTER = "pandabase.register_webhookendpoint"


def receiving_url(request: HttpRequest, endpoint: WebhookEndpoint) -> str:
    """The endpoint's address under the host this page was asked from; "" without the app's URLs."""
    path = receiving_path(endpoint.pk)
    return request.build_absolute_uri(path) if path else ""


def _reporting(call: Callable[..., str], *, log: str) -> Callable[..., None]:
    """Turn a call into a button's press: a message shows what it says, or why it failed."""

    def press(
        model_admin: Any, request: HttpRequest, endpoint: WebhookEndpoint, *asked: Form
    ) -> None:
        try:
            text = call(endpoint, *asked)
        except (PandabaseError, ConfigurationError, ValueError) as error:
            model_admin.message_user(request, str(error), messages.ERROR)
            return
        model_admin.log_change(request, endpoint, log)
        model_admin.message_user(request, text, messages.SUCCESS)

    return press


def _register(endpoint: WebhookEndpoint, form: Form) -> str:
    url = form.cleaned_data["url"]
    check_own_address(url, endpoint=endpoint)
    registration.register(endpoint, url=url, event_types=endpoint.event_types)
    return gettext("Registered. Pandabase delivers to this endpoint from now on.")


def _update(endpoint: WebhookEndpoint) -> str:
    # What was registered before may have another address than may be registered now.
    check_own_address(endpoint.url, endpoint=endpoint)
    registration.update_registration(endpoint, url=endpoint.url, event_types=endpoint.event_types)
    return gettext("Pandabase has this endpoint's values now.")


def _delete(endpoint: WebhookEndpoint, _confirmed: Form) -> str:
    registration.delete_registration(endpoint)
    return gettext("Deleted at Pandabase. The endpoint, its secret and its deliveries stay here.")


def _replace_secret(endpoint: WebhookEndpoint) -> str:
    check_own_address(endpoint.url, endpoint=endpoint)
    rotation.start_rotation(endpoint)
    return gettext(
        "The address is registered a second time, with a new secret. Both secrets are good now; "
        "the old registration is deleted when the overlap ends."
    )


def _finish(endpoint: WebhookEndpoint) -> str:
    rotation.finish_rotation(endpoint)
    return gettext("The old registration is deleted, and its secret is refused from now on.")


def _drop_previous(endpoint: WebhookEndpoint) -> str:
    drop_previous_secret(endpoint)
    return gettext("The previous secret is refused from now on.")


def _compare(model_admin: Any, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
    try:
        found = comparison.compare(endpoint.store)
    except (PandabaseError, ConfigurationError) as error:
        model_admin.message_user(request, str(error), messages.ERROR)
        return
    endpoint.refresh_from_db()
    if endpoint.drift:
        text = gettext("This endpoint differs from what Pandabase has: see below.")
        model_admin.message_user(request, text, messages.WARNING)
    else:
        text = gettext("Nothing differs from what Pandabase has.")
        model_admin.message_user(request, text, messages.SUCCESS)
    for stray in found.strays:
        text = gettext(
            "Registration %(id)s delivers to an address of this site, but its secret is known to "
            "nobody here. It can be deleted from this page."
        ) % {"id": stray.id}
        model_admin.message_user(request, text, messages.WARNING)


def _delete_stray(endpoint: WebhookEndpoint, form: Form) -> str:
    stray = form.cleaned_data["stray"]
    comparison.delete_stray(endpoint.store, stray)
    return gettext("Registration %(id)s is deleted at Pandabase.") % {"id": stray}


def _held(endpoint: WebhookEndpoint) -> HeldBack | None:
    return held_back(endpoint.store_id)


BUTTONS = (
    Button(
        "register",
        _("Register at Pandabase"),
        REGISTER,
        _reporting(_register, log="Registered at Pandabase."),
        lambda endpoint: not endpoint.remote_id,
        form=lambda request, endpoint, data: RegisterForm(
            data, initial={"url": receiving_url(request, endpoint)}
        ),
        held=_held,
        waits=True,
    ),
    Button("compare", _("Compare with Pandabase"), REGISTER, _compare, waits=True),
    Button(
        "delete_stray",
        _("Delete this registration"),
        REGISTER,
        _reporting(_delete_stray, log="Deleted a registration without a secret here."),
        lambda endpoint: bool(comparison.known_strays(endpoint.store_id)),
        form=lambda request, endpoint, data: StrayForm(
            data, strays=comparison.known_strays(endpoint.store_id)
        ),
        held=_held,
        waits=True,
    ),
    Button(
        "update",
        _("Send these values to Pandabase"),
        REGISTER,
        _reporting(_update, log="Updated at Pandabase."),
        lambda endpoint: bool(endpoint.remote_id),
        held=_held,
        waits=True,
    ),
    Button(
        "replace_secret",
        _("Replace the signing secret"),
        REGISTER,
        _reporting(_replace_secret, log="Began to replace the signing secret."),
        lambda endpoint: endpoint.remote_id and not endpoint.previous_remote_id,
        held=_held,
        waits=True,
    ),
    Button(
        "finish_secret",
        _("Finish: delete the old registration now"),
        REGISTER,
        _reporting(_finish, log="Replaced the signing secret."),
        lambda endpoint: bool(endpoint.previous_remote_id),
        held=_held,
        waits=True,
    ),
    Button(
        "drop_previous",
        _("Refuse the previous secret now"),
        "pandabase.change_webhookendpoint",
        _reporting(_drop_previous, log="Dropped the previous signing secret."),
        lambda endpoint: endpoint.previous_secret_hint and not endpoint.previous_remote_id,
    ),
    Button(
        "delete_remote",
        _("Delete at Pandabase"),
        REGISTER,
        _reporting(_delete, log="Deleted at Pandabase."),
        lambda endpoint: bool(endpoint.remote_id),
        form=lambda request, endpoint, data: DeleteForm(data),
        held=_held,
        waits=True,
    ),
)
