"""Whose failure an error is: one object's, or the remote's, the credential's, the database's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from pandabase_django.exceptions import (
    ConfigurationError,
    InvalidCredential,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    RateLimited,
    ServerError,
    TransportError,
)
from pandabase_django.services.sync.run.one_object import exists, failure_of, while_it_is_well

pytestmark = pytest.mark.usefixtures("of_a_store")

BROKEN = ServerError("no", status=500)
MISSING = ObjectNotFound("no", status=404)


class Refused(Exception):
    """What a driver raises; Django's error comes from it."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


def of_the_database(kind: type[Exception], sqlstate: str = "") -> Exception:
    error = kind("the driver's words")
    error.__cause__ = Refused(sqlstate)
    return error


@pytest.mark.parametrize(
    "error",
    [
        BROKEN,
        MISSING,
        MissingPermission("no", status=403),  # it names no permission
        ProtocolError("no"),
        TransportError("no"),
    ],
    ids=repr,
)
def test_what_the_remote_says_of_an_object_is_noted_as_it_is(error: PandabaseError) -> None:
    assert failure_of(error) is error


@pytest.mark.parametrize(
    "error",
    [
        of_the_database(DataError),
        of_the_database(IntegrityError),
        of_the_database(OperationalError, "54000"),
        TypeError("odd"),
        ValueError("odd"),
        KeyError("odd"),
        ZeroDivisionError("odd"),
        AttributeError("odd"),
        RecursionError("odd"),
    ],
    ids=repr,
)
def test_what_a_value_causes_is_noted_without_quoting_it(error: Exception) -> None:
    failure = failure_of(error)
    assert isinstance(failure, ProtocolError)
    assert type(error).__name__ in str(failure)
    assert "words" not in str(failure)
    assert "odd" not in str(failure)


@pytest.mark.parametrize(
    "error",
    [
        InvalidCredential("no", status=401),
        MissingPermission("no", status=403, codes=("ORDERS_READ",)),
        MissingPermission("no", status=403, sent=False),
        RateLimited("no", status=429),
        ConfigurationError("no"),
        of_the_database(OperationalError, "57P01"),
        of_the_database(InterfaceError, "54000"),
        MemoryError(),
        OSError("no"),
    ],
    ids=repr,
)
def test_what_concerns_more_than_one_object_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        failure_of(error)
    assert caught.value is error


def test_an_object_exists_unless_the_remote_does_not_find_it() -> None:
    def answering(error: Exception | None) -> Any:
        def get(pk: str) -> object:
            if error is not None:
                raise error
            return pk

        return get

    assert exists(answering(None), "ord_1") is True
    assert exists(answering(MISSING), "ord_1") is False
    assert exists(answering(BROKEN), "ord_1") is BROKEN


class Controls:
    """Counts the requests that must work."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1


def passed(answers: list[Any], control: Controls) -> Iterator[int]:
    return (number for number, _ in while_it_is_well(enumerate(answers), control=control))


def test_after_five_failures_in_a_row_a_request_that_must_work_is_sent() -> None:
    control = Controls()
    for answers, asked in (
        ([BROKEN] * 4, 0),
        ([BROKEN] * 4 + [True] + [BROKEN] * 4, 0),
        ([BROKEN] * 4 + [MISSING], 0),
        ([BROKEN] * 4 + [MISSING, BROKEN], 1),
        ([BROKEN] * 5, 1),
        ([BROKEN] * 9, 1),
        ([BROKEN] * 10, 2),
    ):
        control.asked = 0
        assert len(list(passed(answers, control))) == len(answers)
        assert control.asked == asked


def test_after_a_hundred_failures_in_a_row_nothing_more_is_read() -> None:
    control = Controls()
    assert len(list(passed([BROKEN] * 99 + [True] + [BROKEN] * 99, control))) == 199
    answers = passed([BROKEN] * 101, control)
    assert [next(answers) for _ in range(100)][-1] == 99
    with pytest.raises(ServerError):
        next(answers)
