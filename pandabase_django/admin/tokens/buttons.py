"""What the buttons of a token's page do."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.db.models import F
from django.forms import Form
from django.http import HttpRequest, QueryDict
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.base.page import PandabaseAdmin
from pandabase_django.admin.base.rights import admin_of
from pandabase_django.admin.tokens.forms import DisableForm
from pandabase_django.admin.webhooks.deliveries import REPLAY, hand_over_replayed
from pandabase_django.exceptions import ConfigurationError, PandabaseError, StateConflict
from pandabase_django.models import ApiToken, WebhookDelivery
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.tokens.addresses import check_api_address
from pandabase_django.services.tokens.connection import (
    activate_token,
    retire_token,
    test_connection,
)
from pandabase_django.services.tokens.diagnosis import diagnose
from pandabase_django.services.tokens.holding import advice_to_confirm
from pandabase_django.services.tokens.permissions import verify_permissions
from pandabase_django.services.webhooks.queue import refused_dead_letters, replay
from pandabase_django.texts.times import time_text

__all__ = ["BUTTONS", "report_key"]


def _test(model_admin: PandabaseAdmin, request: HttpRequest, token: ApiToken) -> None:
    report = test_connection(token)
    text = f"{report.message} ({report.milliseconds} ms)"
    if report.held:
        text = f"{report.message} {advice_to_confirm()}"
    elif not report.ok and not report.refused:
        text += " " + gettext("“Connection report” shows how far requests get.")
    model_admin.message_user(request, text, messages.SUCCESS if report.ok else messages.ERROR)


def _verify(model_admin: PandabaseAdmin, request: HttpRequest, token: ApiToken) -> None:
    try:
        seen = verify_permissions(token)
    except (PandabaseError, ConfigurationError) as error:
        messages.error(request, str(error))
        return
    parts = [
        gettext("%(count)d readable resources are granted.") % {"count": len(seen.granted)},
        gettext("Denied: %(codes)s.") % {"codes": ", ".join(seen.denied)} if seen.denied else "",
        gettext("Could not be tried: %(codes)s.") % {"codes": ", ".join(seen.unasked)}
        if seen.unasked
        else "",
        seen.error,
    ]
    level = messages.ERROR if seen.error else messages.SUCCESS
    messages.add_message(request, level, " ".join(filter(None, parts)))


def _report(model_admin: PandabaseAdmin, request: HttpRequest, token: ApiToken) -> None:
    try:
        diagnosis = diagnose(token)
    except (PandabaseError, ConfigurationError) as error:
        messages.error(request, str(error))
        return
    # Kept for the page that follows, so that reloading it asks the remote nothing again.
    request.session[report_key(token)] = {
        "at": time_text(now()),
        "lines": [asdict(line) for line in diagnosis.lines],
    }
    if diagnosis.ok:
        messages.success(request, gettext("Requests of this token get through."))
    else:
        messages.error(request, gettext("The report names what is wrong."))


def report_key(token: ApiToken) -> str:
    return f"pandabase_report_{token.pk}"


def _ask_before_disabling(
    request: HttpRequest, token: ApiToken, data: QueryDict | None
) -> DisableForm | None:
    return DisableForm(data, token=token) if token.is_active else None


def _retire(
    model_admin: PandabaseAdmin, request: HttpRequest, token: ApiToken, *_confirmed: Form
) -> None:
    retire_token(token)
    model_admin.log_change(request, token, "Disabled.")
    text = _("The token is disabled. Revoke it in the Pandabase dashboard as well.")
    model_admin.message_user(request, text, messages.SUCCESS)


def _activate(model_admin: PandabaseAdmin, request: HttpRequest, token: ApiToken) -> None:
    try:
        # The form of a new token asks this as well, but a command does not.
        check_api_address(token.base_url, store_id=token.store_id)
        activate_token(token)
    except ValueError as error:
        model_admin.message_user(request, str(error), messages.ERROR)
        return
    except StateConflict as error:
        model_admin.message_user(request, error.message, messages.ERROR)
        return
    model_admin.log_change(request, token, "Made active.")
    model_admin.message_user(request, _("The store is called with this token now."))


def _replay_refused(model_admin: PandabaseAdmin, request: HttpRequest, token: ApiToken) -> None:
    ids = refused_dead_letters(token)
    deliveries = admin_of(model_admin.admin_site, WebhookDelivery)
    if deliveries is not None:  # its pages have rules of their own
        rows = deliveries.get_queryset(request).filter(Among(F("pk"), ids))
        ids = [row.pk for row in deliveries.permitted(request, REPLAY, rows)]
    ids = replay(ids)
    model_admin.log_change(request, token, "Replayed refused deliveries.")
    hand_over_replayed(request, ids)


BUTTONS = (
    Button(
        "test",
        _("Test connection"),
        "pandabase.test_apitoken",
        _test,
        lambda token: token.is_usable,
        waits=True,
    ),
    Button(
        "verify",
        _("Verify permissions"),
        "pandabase.test_apitoken",
        _verify,
        lambda token: token.is_usable,
        waits=True,
    ),
    Button(
        "report",
        _("Connection report"),
        "pandabase.test_apitoken",
        _report,
        lambda token: token.is_usable,
        waits=True,
    ),
    Button(
        "activate",
        _("Make active"),
        "pandabase.change_apitoken",
        _activate,
        lambda token: not token.is_active,
    ),
    Button(
        "replay_refused",
        _("Replay the deliveries that were refused with it"),
        REPLAY,
        _replay_refused,
        lambda token: bool(refused_dead_letters(token)),
    ),
    Button(
        "disable",
        _("Disable"),
        "pandabase.change_apitoken",
        _retire,
        lambda token: token.is_usable,
        form=_ask_before_disabling,
    ),
)
