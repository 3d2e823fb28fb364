"""Rotations: their history, and for each what happened, what it means and what to do next."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.base.buttons import NOTHING_DONE, Button
from pandabase_django.admin.base.display import EMPTY, badge, moment, with_quiet
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url, link
from pandabase_django.admin.base.live import LiveMixin, LiveState
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.rotation.texts import TONES, explain
from pandabase_django.database import transaction
from pandabase_django.exceptions import ConfigurationError, PandabaseError, SealError
from pandabase_django.models import RotationAttempt
from pandabase_django.services.rotation import HeldText, held_texts, install_from_held
from pandabase_django.services.rotation.transitions import why_held_back

__all__ = ["RotationAttemptAdmin", "hand_over_rotation"]

ROTATE = "pandabase.rotate_apitoken"
State = RotationAttempt.State


def hand_over_rotation(request: HttpRequest, attempt: RotationAttempt) -> None:
    """Enqueue a recorded rotation once it is committed, and say what came of that.

    It may be handed over again at any time: its states see to it that the request is sent once.
    """

    def enqueue() -> None:
        if tasks.enqueue(tasks.rotate_secret, str(attempt.pk)):
            messages.success(request, gettext("The rotation was handed to the workers."))
        else:
            text = gettext(
                "The rotation is recorded, but the broker does not answer: no worker knows of it, "
                "and nothing was sent to Pandabase. When the broker is back, hand it over from "
                "this page, or wait: the schedule does it. Nothing is sent twice."
            )
            messages.error(request, text)

    transaction.on_commit(enqueue)


def _resume(
    model_admin: RotationAttemptAdmin, request: HttpRequest, attempt: RotationAttempt
) -> None:
    hand_over_rotation(request, attempt)


@admin.register(RotationAttempt)
class RotationAttemptAdmin(LiveMixin, ReadOnlyAdmin):
    """The history of every secret. Rows come from rotations alone and stay."""

    why_read_only = _("This is the record of a rotation. Nobody can change it, nor delete it.")
    store_lookup = "token__store"
    when_empty = _("No secret has been rotated yet. The page of a token has the button.")
    list_display = (
        "at",
        "token_name",
        "outcome_badge",
        "versions",
        "who",
        "why",
    )
    list_filter = ("state", "trigger", StoreFilter)
    linked_by = ("token",)
    search_fields = ("token__name", "=token__token_id", "=request_id", "=fingerprint", "reason")
    list_select_related = ("token", "signer", "started_by")
    list_per_page = 50
    show_full_result_count = False
    above = ("admin/pandabase/rotation/outcome.html",)
    buttons = (
        Button(
            "resume",
            _("Hand it to a worker again"),
            "pandabase.rotate_apitoken",
            _resume,
            lambda attempt: attempt.moves_by_itself,
            held=why_held_back,
        ),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "token_link",
                    "outcome_badge",
                    "reason",
                    "trigger",
                    "started_by",
                    "signed_by",
                    "versions",
                    "request_id",
                    "reply_status",
                    "fingerprint",
                    "follows_link",
                )
            },
        ),
        (
            _("Times"),
            {
                "fields": (
                    "prepared_at",
                    "sent_at",
                    "journaled_at",
                    "checked_at",
                    "watch_until",
                    "closed_at",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RotationAttempt]:
        rows: QuerySet[RotationAttempt] = super().get_queryset(request)
        return (
            rows.exclude(from_version=RotationAttempt.TRIAL_VERSION)
            .select_related("token__store", "signer", "started_by")
            .defer("reply")  # may be long, and no page shows it
        )

    def get_urls(self) -> list[URLPattern]:
        held = path(
            "<path:object_id>/held/",
            self.admin_site.admin_view(self.held_view),
            name="pandabase_rotationattempt_held",
        )
        return [held, *super().get_urls()]

    def live_state(self, request: HttpRequest, obj: Any) -> LiveState:
        shown = explain(obj)
        return LiveState(
            open=obj.moves_by_itself,
            texts={
                "state": obj.get_state_display(),
                "headline": shown.headline,
                "happened": shown.happened,
                "means": shown.means,
                "next": shown.next_step,
                "phase": obj.phase,
            },
        )

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_rotate = self.may(request, ROTATE, obj)
        follow_up = RotationAttempt.objects.filter(follows=obj).first()
        texts, unreadable = _held(obj) if may_rotate else ([], "")
        return {
            **super().panel_context(request, obj),
            "explanation": explain(obj),
            "title": gettext("Rotation of %(token)s") % {"token": obj.token.name},
            "state_tone": _tone(obj),
            "pandabase_live_url": self.live_url(obj) if obj.moves_by_itself else "",
            "follow_up_url": follow_up
            and change_url(self.admin_site, "rotationattempt", follow_up.pk),
            "held_texts": texts,
            "held_unreadable": unreadable,
            "held_url": admin_url(self.admin_site, "pandabase_rotationattempt_held", obj.pk),
            "links": self._links(obj) if may_rotate else [],
        }

    @method_decorator(transaction.non_atomic_requests)
    def held_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try one text of a kept answer, and install it if Pandabase accepts it."""
        attempt: RotationAttempt | None = self.get_object(request, unquote(object_id))
        if not self.may(request, ROTATE, attempt):
            raise PermissionDenied
        if attempt is None:
            raise Http404
        page = HttpResponseRedirect(change_url(self.admin_site, "rotationattempt", attempt.pk))
        if request.method != "POST":
            return page
        if attempt.state != State.HELD:
            messages.warning(request, NOTHING_DONE)
            return page
        try:
            install_from_held(attempt, place=request.POST.get("place", ""))
        except (PandabaseError, ConfigurationError) as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, attempt.token, "Installed a secret of a kept answer.")
            messages.success(request, gettext("Pandabase accepts it. It is installed."))
        return page

    @admin.display(description=_("state"), ordering="state")
    def outcome_badge(self, attempt: RotationAttempt) -> str:
        return badge(attempt.get_state_display(), tone=_tone(attempt))

    @admin.display(description=_("version"))
    def versions(self, attempt: RotationAttempt) -> str:
        if attempt.to_version is None:
            return str(attempt.from_version)
        return f"{attempt.from_version} → {attempt.to_version}"

    @admin.display(description=_("prepared"), ordering="prepared_at")
    def at(self, attempt: RotationAttempt) -> str:
        return moment(attempt.prepared_at)

    @admin.display(description=_("token"), ordering="token__name")
    def token_name(self, attempt: RotationAttempt) -> str:
        return with_quiet(attempt.token.name, attempt.token.store)

    @admin.display(description=_("who"))
    def who(self, attempt: RotationAttempt) -> str:
        return str(attempt.started_by or attempt.get_trigger_display())

    @admin.display(description=_("why"))
    def why(self, attempt: RotationAttempt) -> str:
        return format_html(
            '<span class="pandabase-text">{}</span>', Truncator(attempt.reason).chars(120)
        )

    @admin.display(description=_("token"))
    def token_link(self, attempt: RotationAttempt) -> str:
        return link(self.admin_site, attempt.token)

    @admin.display(description=_("signed by"))
    def signed_by(self, attempt: RotationAttempt) -> str:
        return link(self.admin_site, attempt.signer) if attempt.signer else EMPTY

    @admin.display(description=_("repeats"))
    def follows_link(self, attempt: RotationAttempt) -> str:
        return link(self.admin_site, attempt.follows) if attempt.follows else EMPTY

    def _links(self, attempt: RotationAttempt) -> list[tuple[str, str]]:
        """Where to go from here, the likeliest first."""
        token = attempt.token
        if not token.is_usable:
            return []
        labels = []
        failed_safe = attempt.state == State.FAILED_SAFE
        if attempt.needs_a_person or failed_safe:
            labels.append(("install", gettext("Install a secret…")))
        if failed_safe or (attempt.is_open and attempt.state == State.LOST):
            labels.append(("rotate", gettext("Rotate again…")))
        return [
            (label, admin_url(self.admin_site, f"pandabase_apitoken_{name}", token.pk))
            for name, label in labels
        ]


def _tone(attempt: RotationAttempt) -> str:
    ended = not attempt.is_open and attempt.state in RotationAttempt.NEEDS_A_SECRET
    return "quiet" if ended else TONES[State(attempt.state)]


def _held(attempt: RotationAttempt) -> tuple[list[HeldText], str]:
    """Texts a person can choose from, or why the kept answer can't be opened."""
    if not attempt.is_held:
        return [], ""
    try:
        return held_texts(attempt), ""
    except (SealError, ConfigurationError, PandabaseError) as error:
        return [], str(error)
