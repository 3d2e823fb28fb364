"""The pages of a token that touch its secret: rotate, install, replace.

Rotating records the intent and hands it to the workers after the commit: no page sends the one
request. Installing and replacing try the secret they were given, with a short time-out, and so
stay outside every transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.page import PandabaseAdmin
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.rotation.attempts import hand_over_rotation
from pandabase_django.admin.rotation.forms import InstallForm, ReplaceForm, RotateForm
from pandabase_django.admin.rotation.texts import describe
from pandabase_django.database import transaction
from pandabase_django.exceptions import ConfigurationError, PandabaseError, RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.rotation import (
    Way,
    install_secret,
    preflight,
    request_rotation,
    ways_to_rotate,
)
from pandabase_django.services.rotation.policy import due_at
from pandabase_django.services.tokens.impact import blast_radius
from pandabase_django.services.tokens.replacement import replace_token

__all__ = ["ROTATE", "TokenSecretMixin"]

ROTATE = "pandabase.rotate_apitoken"
ROTATIONS_SHOWN = 5

View = Callable[[HttpRequest, str], HttpResponse]


class TokenSecretMixin(PandabaseAdmin):
    """Adds the pages, their links with the token's history, and the action."""

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, View] = {
            "rotate": self.rotate_view,
            "install": self.install_view,
            "replace": self.replace_view,
        }
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
            )
            for name, view in pages.items()
        ]
        return [*own, *super().get_urls()]

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        rows = visible_rows(self.admin_site, request, RotationAttempt).filter(token=obj)
        rows = rows.exclude(from_version=RotationAttempt.TRIAL_VERSION)
        rows = rows.select_related("started_by", "signer").defer("reply")
        attempts = list(rows[:ROTATIONS_SHOWN])
        due = due_at(obj)
        return {
            **super().panel_context(request, obj),
            "token_links": self._links(request, obj),
            "token_due": due,
            "token_overdue": due is not None and due <= timezone.now(),
            # Of rotations that this person does not see, it is not said that there are none.
            "sees_history": bool(attempts)
            or (
                may_view(self.admin_site, request, RotationAttempt)
                and not RotationAttempt.objects.real().filter(token=obj).exists()
            ),
            "rotations": [
                (attempt, change_url(self.admin_site, "rotationattempt", attempt.pk))
                for attempt in attempts
            ],
            "rotations_url": admin_url(self.admin_site, "pandabase_rotationattempt_changelist"),
        }

    @admin.action(description=_("Rotate secret…"), permissions=["rotate"])
    def rotate_secret(
        self, request: HttpRequest, queryset: QuerySet[ApiToken]
    ) -> HttpResponse | None:
        """Lead to the confirmation of the one token that was chosen."""
        chosen = list(queryset[:2])
        if len(chosen) == 1:
            url = admin_url(self.admin_site, "pandabase_apitoken_rotate", chosen[0].pk)
            return HttpResponseRedirect(url)
        text = gettext("Choose one token: each rotation is confirmed by itself.")
        messages.warning(request, text)
        return None

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Confirm, record, hand over."""
        token = self._token(request, object_id)
        # A way may roll, or sign with, another token than the one whose page this is.
        ways = [
            way
            for way in ways_to_rotate(token)
            if all(self.may(request, ROTATE, used) for used in (way.token, way.signer))
        ]
        texts = [describe(way) for way in ways]
        form = RotateForm(_posted(request), token=token, user=request.user, ways=texts)
        if form.is_bound:
            if form.is_spent:
                return self._nothing_was_sent(request, token)
            if form.is_valid():
                (way,) = (way for way in ways if way.key == form.cleaned_data["way"])
                answer = self._record(request, token, way, form)
                if answer is not None:
                    return answer
        open_attempt = RotationAttempt.objects.open().filter(token=token).first()
        return self._form_page(
            request,
            token,
            "rotate",
            gettext("Rotate the secret of %(token)s") % {"token": token.name},
            form=form,
            ways=texts,
            problems=[] if ways else preflight(token, network=False).problems,
            open_attempt=open_attempt,
            offers_install=open_attempt is None or open_attempt.needs_a_person,
            open_attempt_url=open_attempt
            and change_url(self.admin_site, "rotationattempt", open_attempt.pk),
            blast=blast_radius(token),
            has_pair=any(way.flip for way in ways),
            without_id=", ".join(way.signer.name for way in ways if not way.signer.token_id),
            add_url=admin_url(self.admin_site, "pandabase_apitoken_add")
            if self.has_add_permission(request)
            else "",
            is_live=token.is_active,
        )

    @method_decorator([transaction.non_atomic_requests, sensitive_post_parameters("secret")])
    def install_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a secret that was rolled in the dashboard."""
        token = self._token(request, object_id)
        form = InstallForm(_posted(request), token=token, user=request.user)
        if form.is_bound:
            if form.is_spent:
                return self._nothing_was_sent(request, token)
            if form.is_valid():
                try:
                    attempt = install_secret(
                        token,
                        secret=form.cleaned_data["secret"],
                        reason=form.cleaned_data["reason"],
                        user_id=request.user.pk,
                    )
                except (ValueError, PandabaseError, ConfigurationError) as error:
                    form.add_error(None, str(error))
                else:
                    self.log_change(request, token, "Installed a secret.")
                    return self._show(request, token, attempt)
        title = gettext("Install a secret of %(token)s") % {"token": token.name}
        return self._form_page(request, token, "install", title, form=form)

    @method_decorator([transaction.non_atomic_requests, sensitive_post_parameters("secret")])
    def replace_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add another token, try it, and let it take this one's place."""
        token = self._token(request, object_id)
        form = ReplaceForm(_posted(request), token=token, user=request.user)
        if form.is_bound:
            if form.is_spent:
                return self._nothing_was_sent(request, token)
            if form.is_valid():
                answer = self._replace(request, token, form)
                if answer is not None:
                    return answer
        title = gettext("Replace the token %(token)s") % {"token": token.name}
        return self._form_page(request, token, "replace", title, form=form)

    def _record(
        self, request: HttpRequest, token: ApiToken, way: Way, form: RotateForm
    ) -> HttpResponse | None:
        try:
            attempt = request_rotation(
                way.token,
                reason=form.cleaned_data["reason"],
                trigger=RotationAttempt.Trigger.ADMIN,
                signer=way.signer,
                user_id=request.user.pk,
                flip=way.flip,
            )
        except RotationInProgress as error:
            messages.warning(request, str(error))
            found = RotationAttempt.objects.filter(pk=error.attempt_id).first()
            return self._show(request, token, found)
        except (ValueError, PandabaseError) as error:
            form.add_error(None, str(error))
            return None
        self.log_change(request, way.token, "Asked for a rotation of the secret.")
        hand_over_rotation(request, attempt)
        return self._show(request, token, attempt)

    def _replace(
        self, request: HttpRequest, token: ApiToken, form: ReplaceForm
    ) -> HttpResponse | None:
        try:
            replacement = replace_token(
                token,
                name=form.cleaned_data["name"],
                mode=form.cleaned_data["mode"],
                token_id=form.cleaned_data["token_id"],
                secret=form.cleaned_data["secret"],
                retire=form.cleaned_data["retire_old"],
            )
        except (ValueError, PandabaseError, ConfigurationError) as error:
            form.add_error(None, str(error))
            return None
        self.log_addition(request, replacement.token, f"Takes the place of {token.name}.")
        if replacement.problem:
            messages.warning(request, replacement.problem)
            url = change_url(self.admin_site, "apitoken", replacement.token.pk)
        else:
            self.log_change(request, token, f"Replaced by {replacement.token.name}.")
            text = gettext(
                "%(new)s has taken the place of %(old)s. Revoke %(old)s in the Pandabase dashboard "
                "now: until then whoever has its secret can use it."
            )
            messages.warning(request, text % {"new": replacement.token.name, "old": token.name})
            url = change_url(self.admin_site, "apitoken", token.pk)
        return HttpResponseRedirect(url)

    def _token(self, request: HttpRequest, object_id: str) -> ApiToken:
        token: ApiToken | None = self.get_object(request, unquote(object_id))
        if not self.may(request, ROTATE, token):
            raise PermissionDenied
        if token is None or not token.is_usable:
            raise Http404
        return token

    def _links(self, request: HttpRequest, token: ApiToken) -> list[tuple[str, str]]:
        if not token.is_usable or not self.may(request, ROTATE, token):
            return []
        labels = {
            "rotate": gettext("Rotate secret…"),
            "install": gettext("Install a secret…"),
            "replace": gettext("Replace token…"),
        }
        return [
            (label, admin_url(self.admin_site, f"pandabase_apitoken_{name}", token.pk))
            for name, label in labels.items()
        ]

    def _form_page(
        self, request: HttpRequest, token: ApiToken, name: str, title: str, **context: Any
    ) -> HttpResponse:
        return self.form_page(
            request,
            token,
            f"admin/pandabase/rotation/{name}.html",
            title,
            install_url=admin_url(self.admin_site, "pandabase_apitoken_install", token.pk),
            **context,
        )

    def _nothing_was_sent(self, request: HttpRequest, token: ApiToken) -> HttpResponse:
        text = gettext(
            "Nothing was done: this form was sent before, is older than an hour, or the token has "
            "changed since it was opened. This is its state now."
        )
        messages.warning(request, text)
        newest = RotationAttempt.objects.filter(token=token).first()
        return self._show(request, token, newest)

    def _show(
        self, request: HttpRequest, token: ApiToken, attempt: RotationAttempt | None
    ) -> HttpResponse:
        """Lead to a rotation, or to the token for who may not see rotations."""
        if attempt is not None and may_view(self.admin_site, request, attempt):
            url = change_url(self.admin_site, "rotationattempt", attempt.pk)
        else:
            url = change_url(self.admin_site, "apitoken", token.pk)
        return HttpResponseRedirect(url)


def _posted(request: HttpRequest) -> Any:
    # Never kept in a variable of a view, whose frame a traceback would show with the secret in it.
    return request.POST if request.method == "POST" else None
