"""Who gets what from every URL of the admin: by rules, over whatever is registered.

A new page is in here at once. One that neither Django nor a button brings must be named in
OPENED_BY.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client, RequestFactory
from django.urls import reverse

from tests.admin.outside import Outside
from tests.admin.rights.enumeration import (
    DJANGO_PAGES,
    Page,
    button_permission,
    model_admins,
    pages,
)

pytestmark = pytest.mark.django_db

#: Pages that are neither Django's nor a button's: the codename that opens each, "view" being the
#: right to view the page's own model.
OPENED_BY: dict[str, str] = {
    "pandabase_apitoken_confirm": "confirm_apitoken",
    "pandabase_apitoken_install": "rotate_apitoken",
    "pandabase_apitoken_replace": "rotate_apitoken",
    "pandabase_apitoken_rotate": "rotate_apitoken",
    "pandabase_requestlog_fetch": "fetch_requestlog",
    "pandabase_rotationattempt_held": "rotate_apitoken",
    "pandabase_rotationattempt_live": "view",
    "pandabase_category_export": "view",
    "pandabase_overview": "view",
    "pandabase_overview_broker": "run_sync",
    "pandabase_overview_sales": "view",
    "pandabase_checkoutsession_export": "view",
    "pandabase_coupon_export": "view",
    "pandabase_customer_export": "view",
    "pandabase_dispute_evidence": "answer_dispute",
    "pandabase_dispute_export": "view",
    "pandabase_license_export": "view",
    "pandabase_subscription_export": "view",
    "pandabase_erasure_live": "view",
    "pandabase_erasure_person_erase": "erase_person",
    "pandabase_erasure_person_export": "export_person",
    "pandabase_ledgerentry_books": "close_ledgerentry",
    "pandabase_ledgerentry_export": "view",
    "pandabase_ledgerentry_month": "close_ledgerentry",
    "pandabase_ledgerentry_month_export": "close_ledgerentry",
    "pandabase_order_export": "view",
    "pandabase_order_refund": "refund_order",
    "pandabase_order_retry_fulfilment": "retry_fulfilment_order",
    "pandabase_payout_export": "view",
    "pandabase_product_export": "view",
    "pandabase_purchase_accept": "accept_purchase",
    "pandabase_customer_link": "link_customer",
    "pandabase_customerlink_export": "view",
    "pandabase_customerlink_unlink": "link_customer",
    "pandabase_purchase_export": "view",
    "pandabase_refund_export": "view",
    "pandabase_remoteaction_export": "view",
    "pandabase_remoteaction_live": "view",
    # By its kind; the row of these tests is a refund.
    "pandabase_remoteaction_settle": "refund_order",
    "pandabase_usagerecord_correct": "correct_usagerecord",
    "pandabase_usagerecord_drop": "correct_usagerecord",
    "pandabase_usagerecord_export": "view",
    "pandabase_subscription_cancel": "cancel_subscription",
    "pandabase_subscription_change_plan": "change_plan_subscription",
    "pandabase_subscription_pause": "pause_subscription",
    "pandabase_subscription_reactivate": "reactivate_subscription",
    "pandabase_subscription_resume": "resume_subscription",
    "pandabase_syncrun_changes": "view",
    "pandabase_syncrun_live": "view",
    "pandabase_webhookendpoint_doctor": "view",
    "pandabase_webhookendpoint_forget": "change_webhookendpoint",
    "pandabase_webhookendpoint_strangers": "view",
}


def opened_by(page: Page) -> str:
    """The right that opens a page: a codename, or "view", "add", "delete" of its model."""
    if page.is_djangos:
        return DJANGO_PAGES.get(page.part, "any")
    return button_permission(page) or OPENED_BY[page.name]


def custom_codenames() -> list[str]:
    """The app's permissions beyond Django's four, from the models' own declarations."""
    return sorted(codename for model in _models() for codename, _ in model._meta.permissions)


def _models() -> list[Any]:
    return list(apps.get_app_config("pandabase").get_models())


def person(*codenames: str, staff: bool = True, superuser: bool = False, **options: Any) -> Client:
    user = User.objects.create_user(
        f"user{User.objects.count()}", is_staff=staff, is_superuser=superuser
    )
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="pandabase", codename__in=codenames)
    )
    client = Client(raise_request_exception=False, **options)
    client.force_login(user)
    return client


def all_views() -> list[str]:
    return [f"view_{name}" for name in model_admins()]


def url_of(page: Page, rows: dict[str, Any]) -> str:
    owner = page.model_admin
    return page.url(rows[str(owner.model._meta.model_name)] if owner else rows["store"])


def visit(
    client: Client, rows: dict[str, Any], outside: Outside
) -> Iterator[tuple[Page, str, int, str, list[str]]]:
    """Every page by GET and by POST: its status, where it leads, and what left the request."""
    for method in ("get", "post"):
        for page in pages():
            with outside.watch() as left:
                answer = getattr(client, method)(url_of(page, rows))
            yield page, method, answer.status_code, answer.headers.get("Location", ""), left


def test_every_page_says_which_right_opens_it() -> None:
    unnamed = [p.name for p in pages() if not p.is_djangos and not button_permission(p)]
    assert sorted(unnamed) == sorted(OPENED_BY)
    assert {button_permission(p) for p in pages()} >= {"run_sync", "test_apitoken"}


@pytest.mark.parametrize("who", ["anonymous", "no staff"])
def test_strangers_are_sent_to_the_login_from_everywhere(
    who: str, rows: dict[str, Any], outside: Outside
) -> None:
    client = (
        Client() if who == "anonymous" else person(*all_views(), *custom_codenames(), staff=False)
    )
    wrong = [
        (page.name or page.route, method, status, left)
        for page, method, status, leads, left in visit(client, rows, outside)
        if status != 302 or not leads.startswith(reverse("admin:login")) or left
    ]
    assert wrong == []


@pytest.mark.parametrize("further", [[], custom_codenames()], ids=["none", "all-further-rights"])
def test_without_the_right_to_view_every_page_is_closed(
    further: list[str], rows: dict[str, Any], outside: Outside
) -> None:
    client = person(*further)
    wrong = [
        (page.name or page.route, method, status, left)
        for page, method, status, leads, left in visit(client, rows, outside)
        # Django sends <id>/ on to <id>/change/, which is closed.
        if left or (status != 403 if page.name else status != 302)
    ]
    assert wrong == []


@pytest.mark.thorough
@pytest.mark.parametrize("codename", ["", *custom_codenames()])
def test_viewers_read_and_press_only_what_their_further_right_opens(
    codename: str, rows: dict[str, Any], outside: Outside
) -> None:
    client = person(*all_views(), *filter(None, [codename]))
    wrong = []
    for page, method, status, _, left in visit(client, rows, outside):
        right = opened_by(page)
        if right == "any":
            fine = status == 302 and not left
        elif right == "view":
            # Reading alone; a POST to a form is refused or changes nothing.
            fine = status in ((200,) if method == "get" else (200, 302, 403, 405)) and not left
        elif right != codename:
            fine = status == 403 and not left
        elif method == "get":
            fine = status in (200, 302, 405) and not left
        else:
            fine = status in (200, 302, 404)
        if not fine:
            wrong.append((page.name, method, status, left))
    assert wrong == []


@pytest.mark.thorough
def test_a_superusers_get_changes_nothing_and_no_page_breaks(
    rows: dict[str, Any], outside: Outside
) -> None:
    wrong = []
    for page, method, status, _, left in visit(person(superuser=True), rows, outside):
        refused = page.part in ("add", "delete") and status == 403
        if method == "get" and (left or not (refused or status in (200, 302, 405))):
            wrong.append((page.name, method, status, left))
        if status >= 500:
            wrong.append((page.name, method, status, left))
    assert wrong == []


def test_no_post_does_anything_without_the_csrf_token(
    rows: dict[str, Any], outside: Outside
) -> None:
    client = person(superuser=True, enforce_csrf_checks=True)
    wrong = [
        (page.name, status, left)
        for page, method, status, _, left in visit(client, rows, outside)
        if method == "post" and (status != 403 or left)
    ]
    assert wrong == []


@pytest.mark.thorough
def test_each_button_is_shown_to_those_it_answers_and_to_nobody_else(rows: dict[str, Any]) -> None:
    buttons = [page for page in pages() if button_permission(page)]
    assert buttons
    for codename in ["", *custom_codenames()]:
        client = person(*all_views(), *filter(None, [codename]))
        for page in buttons:
            assert page.model_admin is not None
            name = str(page.model_admin.model._meta.model_name)
            change = reverse(f"admin:pandabase_{name}_change", args=[rows[name].pk])
            shown = page.url(rows[name]) in client.get(change, follow=True).content.decode()
            if codename != button_permission(page):
                assert not shown, (codename, page.name)


def test_actions_are_offered_by_their_own_right(rows: dict[str, Any]) -> None:
    request = RequestFactory().get("/")
    for model_admin in model_admins().values():
        request.user = AnonymousUser()
        assert model_admin.get_actions(request) == {}
        viewer = person(*all_views())
        page = viewer.get(
            reverse(f"admin:pandabase_{model_admin.model._meta.model_name}_changelist")
        )
        offered = {
            name
            for name, _ in page.context["cl"].model_admin.get_action_choices(
                page.wsgi_request, default_choices=[]
            )
        }
        assert offered <= READING_ACTIONS, (model_admin, offered)


#: Actions that read alone: whoever may view may use them.
READING_ACTIONS: set[str] = set()
