"""Findings as a person may see them, each with the address of its fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpRequest

from pandabase_django.admin.base.links import admin_url
from pandabase_django.admin.base.scope import ByStoreMixin, hidden_stores
from pandabase_django.services.health.findings import Finding, Level

__all__ = ["ShownFinding", "shown_findings"]

TONES = {Level.ERROR: "bad", Level.WARNING: "warn", Level.NOTE: "quiet", Level.OK: "good"}


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding with the address of its fix; "" where this person has none."""

    code: str
    store_id: str
    level: str
    tone: str
    sentence: str
    fix: str
    url: str
    is_command: bool


def shown_findings(
    site: admin.AdminSite, request: HttpRequest, findings: Iterable[Finding]
) -> list[ShownFinding]:
    """These findings, but for those of tokens, runs and the like that this person may not see."""
    shown = []
    for finding in findings:
        allowed = _may_open(site, request, finding)
        if finding.url_name and not allowed and not finding.url_name.endswith("_add"):
            continue  # it is about a token or a run that this person may not see
        shown.append(
            ShownFinding(
                code=finding.code,
                store_id=finding.store_id,
                level=finding.level.value,
                tone=TONES[finding.level],
                sentence=finding.sentence,
                fix="" if finding.level is Level.OK else finding.fix,
                url=admin_url(site, finding.url_name, *finding.url_args) if allowed else "",
                is_command=finding.fix.startswith(("python manage.py", "path(")),
            )
        )
    return shown


def _may_open(site: admin.AdminSite, request: HttpRequest, finding: Finding) -> bool:
    for model, model_admin in site._registry.items():
        concrete = (model._meta.concrete_model or model)._meta
        name = f"{concrete.app_label}_{concrete.model_name}"
        if finding.url_name == f"{name}_add":
            return bool(model_admin.has_add_permission(request))
        if finding.url_name.startswith(f"{name}_"):
            hidden = (
                hidden_stores(model_admin, request) if isinstance(model_admin, ByStoreMixin) else []
            )
            return model_admin.has_view_permission(request) and finding.store_id not in hidden
    return False
