"""Which secrets are due by their age, and when a due rotation is tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    due_tokens,
    request_due_rotations,
    request_rotation,
    run_rotation,
)
from pandabase_django.services.rotation.policy import due_at
from tests.connecting import connect
from tests.rotation.conftest import in_use

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_age_policy_takes_one_token_a_store_and_spares_the_active_one(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    ApiToken.objects.update(rotate_after_days=90)
    assert due_tokens() == []
    later = timezone.now() + timedelta(days=91)
    assert len(due_tokens(now=later)) == 1
    ApiToken.objects.filter(pk=token.pk).update(secret_set_at=timezone.now() - timedelta(days=200))
    (attempt,) = request_due_rotations()
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, token, True)
    assert attempt.trigger == "POLICY"
    assert request_due_rotations() == []
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    # The one that stood down still has its old secret, and is next; it does not come back up.
    (attempt,) = request_due_rotations()
    assert (attempt.token, attempt.signer, attempt.flip) == (token, standby, False)
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    assert request_due_rotations() == []
    token.refresh_from_db()
    assert (token.role, in_use(token, sandbox)) == ("STANDBY", True)


def test_the_policy_goes_with_the_role(
    token: ApiToken, standby: ApiToken, context: RotationContext
) -> None:
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    (attempt,) = request_due_rotations()
    run_rotation(attempt.pk, context=context)
    standby.refresh_from_db()
    assert (standby.role, standby.rotate_after_days) == ("ACTIVE", 30)


def test_a_due_rotation_that_fails_is_tried_again_a_day_later_and_not_before(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.set(roll_callers="nobody")
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    (attempt,) = request_due_rotations()
    assert run_rotation(attempt.pk, context=context).state == "FAILED_SAFE"
    assert request_due_rotations() == []
    assert len(due_tokens(now=timezone.now() + timedelta(days=1, minutes=1))) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pair_whose_roles_stay_is_not_rolled_again_each_hour(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, when: str
) -> None:
    given = sandbox.add_token(permissions=("STORE_READ", "PRODUCTS_READ"))
    connect(sandbox, given)
    token.permissions.update_or_create(code="ORDERS_READ", defaults={"observed": "GRANTED"})
    if when == "after":
        ApiToken.objects.filter(token_id=given.token_id).update(health="SUSPECT")
        sandbox.fault(
            [
                {
                    "match": {"path_regex": "stores/shp_[^/]*$", "token_id": given.token_id},
                    "action": "status",
                    "args": {"status": 503},
                    "times": 3,
                }
            ]
        )
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    (attempt,) = request_due_rotations()
    attempt = run_rotation(attempt.pk, context=context)
    assert attempt.state == ("FAILED_SAFE" if when == "before" else "DONE"), attempt.outcome
    assert "lacks ORDERS_READ" in attempt.outcome
    assert request_due_rotations() == []
    assert len(due_tokens(now=timezone.now() + timedelta(days=1, minutes=1))) == 1


def test_a_rotation_that_somebody_else_asked_for_in_vain_holds_up_no_policy(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.set(roll_callers="nobody")
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN")
    assert run_rotation(attempt.pk, context=context).state == "FAILED_SAFE"
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    assert due_tokens() == [token]


@pytest.mark.parametrize("older", ["first", "last"])
def test_of_two_tokens_of_a_store_the_more_overdue_one_is_due(
    token: ApiToken, standby: ApiToken, older: str
) -> None:
    wanted, other = (token, standby) if older == "first" else (standby, token)
    for one, days in ((wanted, 80), (other, 40)):
        ApiToken.objects.filter(pk=one.pk).update(
            rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=days)
        )
    assert due_tokens() == [wanted]


def test_a_secret_is_due_only_by_a_policy_and_if_it_can_be_rolled(token: ApiToken) -> None:
    assert due_at(token) is None
    token.rotate_after_days = 100
    token.secret_set_at = None
    moment = due_at(token)
    assert moment is not None
    assert timedelta(days=90) <= moment - token.added_at <= timedelta(days=100)
    token_id, token.token_id = token.token_id, ""
    assert due_at(token) is None
    token.token_id, token.role = token_id, ApiToken.Role.RETIRED
    assert due_at(token) is None


def test_the_jitter_is_within_a_tenth_and_fixed_for_each_secret(token: ApiToken) -> None:
    token.rotate_after_days = 100
    assert token.secret_set_at is not None
    moments = set()
    for version in range(50):
        token.secret_version = version
        moment = due_at(token)
        assert moment is not None
        assert moment == due_at(token)
        assert timedelta(days=90) <= moment - token.secret_set_at <= timedelta(days=100)
        moments.add(moment)
    assert len(moments) > 40


@pytest.fixture
def overdue(token: ApiToken, sandbox: Sandbox) -> Iterator[tuple[ApiToken, ApiToken]]:
    """The active tokens of two stores, the more overdue one first."""
    with Sandbox(seed=8, products=1, orders=1) as second:
        other = connect(second)
        for one, days in ((token, 400), (other, 300)):
            ApiToken.objects.filter(pk=one.pk).update(
                rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=days)
            )
        yield token, other


def test_a_standby_of_another_environment_holds_up_neither_its_store_nor_others(
    overdue: tuple[ApiToken, ApiToken], standby: ApiToken
) -> None:
    ApiToken.objects.filter(pk=standby.pk).update(environment="staging")
    token, other = overdue
    recorded = [(attempt.token, attempt.signer) for attempt in request_due_rotations()]
    assert recorded == [(token, token), (other, other)]


def test_a_store_whose_rotation_cant_be_recorded_is_logged_and_holds_up_no_other(
    overdue: tuple[ApiToken, ApiToken], caplog: pytest.LogCaptureFixture
) -> None:
    token, other = overdue

    def moved_meanwhile(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if '"rotate_after_days" IS NOT NULL' in sql:
            ApiToken.objects.filter(pk=token.pk).update(environment="staging")
        return result

    with caplog.at_level(logging.ERROR), connection.execute_wrapper(moved_meanwhile):
        recorded = [attempt.token for attempt in request_due_rotations()]
    assert recorded == [other]
    (record,) = caplog.records
    assert "belongs to the environment" in record.getMessage()
    assert record.__dict__["store"] == token.store_id


@pytest.mark.parametrize("ran", [False, True])
def test_of_two_who_find_a_store_due_at_once_the_second_rolls_nothing_beside_the_first(
    token: ApiToken, standby: ApiToken, context: RotationContext, ran: bool
) -> None:
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    first: list[RotationAttempt] = []

    def somebody_else(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if '"rotate_after_days" IS NOT NULL' in sql and not busy:
            busy.append(True)
            first.extend(request_due_rotations())
            if ran:
                run_rotation(first[0].pk, context=context)
        return result

    busy: list[bool] = []
    with connection.execute_wrapper(somebody_else):
        second = request_due_rotations()
    assert [(attempt.token, attempt.signer) for attempt in first] == [(standby, token)]
    # The one that has stood down meanwhile is still due, and comes up no more.
    found = [(attempt.token, attempt.signer, attempt.flip) for attempt in second]
    assert found == ([(token, standby, False)] if ran else [])


def test_a_due_standby_that_the_active_token_cant_sign_for_is_rolled_by_itself(
    token: ApiToken, standby: ApiToken
) -> None:
    ApiToken.objects.filter(pk=standby.pk).update(
        base_url="https://elsewhere.example",
        rotate_after_days=30,
        secret_set_at=timezone.now() - timedelta(days=31),
    )
    (attempt,) = request_due_rotations()
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, standby, False)
