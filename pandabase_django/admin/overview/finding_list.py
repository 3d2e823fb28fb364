"""Findings as a person may see them, each with the address of its fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpRequest

from pandabase_django.admin.base.links import admin_url
from pandabase_django.admin.base.scope import ByStoreMixin, hidden_stores, visible_ids
from pandabase_django.services.health.findings import Finding, Level

__all__ = ["ShownFinding", "shown_findings"]

TONES = {Level.ERROR: "bad", Level.WARNING: "warn", Level.NOTE: "quiet", Level.OK: "good"}


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding, and where its fix is done."""

    code: str
    store_id: str
    level: str
    tone: str
    sentence: str
    fix: str
    is_command: bool
    site: admin.AdminSite
    page: tuple[str, ...]

    @property
    def url(self) -> str:
        """The address of its fix; "" where this person has none. Asked of the few on the page."""
        return admin_url(self.site, *self.page) if self.page else ""


def shown_findings(
    site: admin.AdminSite, request: HttpRequest, findings: Iterable[Finding]
) -> list[ShownFinding]:
    """These findings, but for those of tokens, runs and the like that this person may not see."""
    shown = []
    findings = list(findings)
    rows = {finding.url_name: set[str]() for finding in findings}
    for finding in findings:
        rows[finding.url_name].update(finding.url_args)
    pages = {name: _may_open(site, request, name, ids) for name, ids in rows.items()}
    for finding in findings:
        name = finding.url_name
        may_open, hidden, seen = pages[name]
        allowed = may_open and finding.store_id not in hidden and seen.issuperset(finding.url_args)
        if name and not allowed and not name.endswith("_add"):
            continue  # it is about a token or a run that this person may not see
        shown.append(
            ShownFinding(
                code=finding.code,
                store_id=finding.store_id,
                level=finding.level.value,
                tone=TONES[finding.level],
                sentence=finding.sentence,
                fix="" if finding.level is Level.OK else finding.fix,
                is_command=finding.fix.startswith(("python manage.py", "path(")),
                site=site,
                page=(name, *finding.url_args) if allowed else (),
            )
        )
    return shown


def _may_open(
    site: admin.AdminSite, request: HttpRequest, url_name: str, ids: set[str]
) -> tuple[bool, frozenset[str], set[str]]:
    """Whether this person may open the page at all, stores hidden from it, and rows that it has."""
    for model, model_admin in site._registry.items():
        concrete = (model._meta.concrete_model or model)._meta
        name = f"{concrete.app_label}_{concrete.model_name}"
        if url_name == f"{name}_add":
            return bool(model_admin.has_add_permission(request)), frozenset(), set()
        if url_name.startswith(f"{name}_"):
            hidden = (
                hidden_stores(model_admin, request) if isinstance(model_admin, ByStoreMixin) else []
            )
            seen = visible_ids(model_admin, request, ids)
            return model_admin.has_view_permission(request), frozenset(hidden), seen
    return False, frozenset(), set()
