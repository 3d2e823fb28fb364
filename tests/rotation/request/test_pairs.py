"""Two tokens of a store: the one that rests is rolled, and then takes the other's place."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    request_pair_rotation,
    run_rotation,
)
from pandabase_django.services.rotation.context import StoreWire
from pandabase_django.services.tokens.connection import declare_permissions, retire_token
from pandabase_django.services.tokens.permissions import Tried
from pandabase_django.services.tokens.roles import activate_token, active_token
from tests.connecting import connect
from tests.rotation.conftest import Clock, in_use, rolls

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_store_is_rotated_in_a_pair_and_the_roles_change(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, token, True)
    attempt = run_rotation(attempt.pk, context=context)
    assert attempt.state == "DONE", attempt.outcome
    assert "active one now" in attempt.outcome
    token.refresh_from_db()
    standby.refresh_from_db()
    assert (token.role, standby.role) == ("STANDBY", "ACTIVE")
    assert (token.secret_version, standby.secret_version) == (1, 2)
    assert in_use(token, sandbox)
    assert in_use(standby, sandbox)


def test_of_two_standby_tokens_the_one_with_the_older_secret_is_rolled(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox
) -> None:
    older, unfit = (connect(sandbox, sandbox.add_token()) for _ in range(2))
    ApiToken.objects.filter(pk=older.pk).update(secret_set_at=timezone.now() - timedelta(days=9))
    ApiToken.objects.filter(pk=unfit.pk).update(
        secret_set_at=timezone.now() - timedelta(days=99), base_url="https://elsewhere.example"
    )
    assert request_pair_rotation(token.store, reason="yearly", trigger="ADMIN").token == older


def test_a_standby_takes_the_place_of_an_active_token_that_was_disabled_meanwhile(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, clock: Clock
) -> None:
    def change(attempt: RotationAttempt) -> None:
        if attempt.state == "JOURNALED":
            retire_token(token)

    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    context = RotationContext(clock=clock, sleep=clock.sleep, on_change=change)
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    standby.refresh_from_db()
    assert (standby.role, in_use(standby, sandbox)) == ("ACTIVE", True)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_standby_that_lacks_what_the_active_one_does_never_takes_its_place(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, when: str
) -> None:
    given = sandbox.add_token(permissions=("STORE_READ", "PRODUCTS_READ"))
    standby = connect(sandbox, given)
    for code in ("ORDERS_READ", "PRODUCTS_READ", "STORE_READ"):
        token.permissions.update_or_create(code=code, defaults={"observed": "GRANTED"})
    if when == "after":
        given.permissions = (*given.permissions, "ORDERS_READ")
        sandbox.fault(
            [
                {
                    "match": {"method": "GET", "path_regex": "/orders$"},
                    "action": "status",
                    "args": {"status": 403, "error": "Missing required permissions: ORDERS_READ"},
                    "nth": 2,
                }
            ]
        )
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    attempt = run_rotation(attempt.pk, context=context)
    assert "lacks ORDERS_READ" in attempt.outcome
    assert attempt.state == ("FAILED_SAFE" if when == "before" else "DONE")
    assert rolls(sandbox) == (0 if when == "before" else 1)
    standby.refresh_from_db()
    assert standby.role == "STANDBY"
    assert in_use(standby, sandbox)


class ActivatesWhileItTries(StoreWire):
    """The real wire; a person makes this token active while permissions are tried."""

    def __init__(self, chosen: ApiToken) -> None:
        self.chosen, self.calls = chosen, 0

    def try_permissions(self, token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
        tried = super().try_permissions(token, secret=secret, codes=codes)
        self.calls += 1
        if self.calls == 2:  # first by the preflight
            activate_token(self.chosen)
        return tried


def test_it_takes_no_place_of_a_token_that_it_was_not_compared_with(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, clock: Clock
) -> None:
    chosen = connect(sandbox, sandbox.add_token())
    ApiToken.objects.filter(pk=standby.pk).update(secret_set_at=timezone.now() - timedelta(days=9))
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    context = RotationContext(wire=ActivatesWhileItTries(chosen), clock=clock, sleep=clock.sleep)
    attempt = run_rotation(attempt.pk, context=context)
    assert (attempt.token, attempt.state) == (standby, "DONE"), attempt.outcome
    assert "Another token was made active meanwhile." in attempt.outcome
    assert (active_token(token.store_id), in_use(standby, sandbox)) == (chosen, True)


def test_a_permission_to_write_counts_as_lacking_when_it_is_not_declared(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    token.permissions.update_or_create(code="PRODUCTS_WRITE", defaults={"observed": "GRANTED"})
    declare_permissions(standby, ["PRODUCTS_READ", "STORE_READ"])
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    assert "lacks PRODUCTS_WRITE" in run_rotation(attempt.pk, context=context).outcome
    declare_permissions(standby, ["PRODUCTS_READ", "PRODUCTS_WRITE", "STORE_READ"])
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    assert run_rotation(attempt.pk, context=context).state == "DONE"


def test_a_pair_needs_two_tokens(token: ApiToken) -> None:
    with pytest.raises(RotationError, match="Add a second token"):
        request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
