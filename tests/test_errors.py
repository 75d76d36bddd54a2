from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.compat import AirflowException, AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConnectionFailedError, StatusError, for_status

pytestmark = pytest.mark.airflow


def family(kind: type[AIEndpointsError] = AIEndpointsError) -> list[type[AIEndpointsError]]:
    below = [
        each for child in kind.__subclasses__() if not issubclass(child, AirflowFailException) for each in family(child)
    ]
    return [kind, *below]


KINDS = family()
FIELDS = {
    "status": 404,
    "code": "model_not_found",
    "request_id": "r-1",
    "retry_after": 7.5,
    "response": {"choices": []},
    "detail": "no such model",
    "sent": False,
}


def full(kind: type[AIEndpointsError]) -> AIEndpointsError:
    more = {"kind": "tls"} if issubclass(kind, ConnectionFailedError) else {}
    error = kind("What failed. What to do.", **FIELDS, **more)
    error.attempts = 3
    return error


def test_drawing_is_the_tree() -> None:
    drawn = re.findall(r"^[\s|`-]*(\w+Error)\b", (errors.__doc__ or "").partition("::")[2], re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in KINDS)
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"[\s|`-]*(\w+Error)\b.*\b(retry|a retry cannot help)$", line):
            assert getattr(errors, found[1]).retryable is (found[2] == "retry"), line


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_airflows(kind: type[AIEndpointsError]) -> None:
    assert issubclass(kind, AirflowException)
    assert not issubclass(kind, AirflowFailException)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_error_for_airflow(kind: type[AIEndpointsError], fail_fast: bool) -> None:
    final = full(kind).for_airflow(fail_fast=fail_fast)
    assert isinstance(final, kind)
    assert isinstance(final, AirflowFailException) is (fail_fast and not kind.retryable)
    assert type(final).__name__ == kind.__name__
    assert (str(final), vars(final)) == (str(full(kind)), vars(full(kind)))
    assert final.for_airflow(fail_fast=fail_fast) is final


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_error_survives(duplicate: Callable[[Any], Any], kind: type[AIEndpointsError], fail_fast: bool) -> None:
    error = full(kind).for_airflow(fail_fast=fail_fast)
    twin = duplicate(error)
    assert twin is not error
    assert type(twin) is type(error)
    assert (twin.args, vars(twin), str(twin)) == (error.args, vars(error), str(error))
    assert isinstance(twin, AirflowFailException) is isinstance(error, AirflowFailException)


def test_where_it_was_raised_is_kept() -> None:
    def fail() -> None:
        raise full(errors.TokenRefusedError)

    with pytest.raises(AIEndpointsError) as caught:
        fail()
    assert caught.value.for_airflow(fail_fast=True).__traceback__ is caught.value.__traceback__
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize(
    ("fields", "attempts", "text"),
    [
        ({}, 1, "It failed."),
        ({"request_id": "r-1"}, 1, "It failed. (request id r-1)"),
        ({}, 3, "It failed. Gave up after 3 attempts."),
        ({"request_id": "r-1"}, 2, "It failed. (request id r-1) Gave up after 2 attempts."),
    ],
)
def test_text(fields: dict[str, Any], attempts: int, text: str) -> None:
    error = StatusError("It failed.", **fields)
    error.attempts = attempts
    assert str(error) == text


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[
            (status, errors.BadRequestError)
            for status in (400, 402, 405, 406, 407, 410, 411, 413, 414, 415, 418, 422, 499)
        ],
        *[(status, errors.TokenRefusedError) for status in (401, 403)],
        (404, errors.NotFoundError),
        (429, errors.RateLimitedError),
        *[(status, errors.StatusError) for status in (408, 409, 425, 500, 501, 502, 503, 504, 529, 599)],
    ],
)
def test_for_status(status: int, kind: type[StatusError]) -> None:
    assert for_status(status) is kind
