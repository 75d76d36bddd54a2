from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.compat import AirflowException, AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, APIConnectionError
from apache_airflow_provider_ovhcloud_ai.hooks.airflow_errors import raise_for_airflow, to_airflow_error

pytestmark = pytest.mark.airflow

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AIEndpointsError)]
FIELDS = {
    "status": 404,
    "code": "model_not_found",
    "request_id": "r-1",
    "retry_after": 7.5,
    "response": {"choices": []},
    "detail": "no such model",
    "may_have_been_processed": False,
}


def full(kind: type[AIEndpointsError]) -> AIEndpointsError:
    more = {"kind": "tls"} if issubclass(kind, APIConnectionError) else {}
    error = kind("What failed. What to do.", **FIELDS, **more)
    error.attempts = 3
    return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_error_is_airflows_and_ours(kind: type[AIEndpointsError], fail_fast: bool) -> None:
    assert not issubclass(kind, AirflowException)
    final = to_airflow_error(full(kind), fail_fast=fail_fast)
    assert isinstance(final, kind)
    assert isinstance(final, AirflowException)
    assert isinstance(final, AirflowFailException) is (fail_fast and not kind.retryable)
    assert type(final).__name__ == kind.__name__
    assert (str(final), vars(final)) == (str(full(kind)), vars(full(kind)))
    assert to_airflow_error(final, fail_fast=fail_fast) is final


@pytest.mark.parametrize("kind", KINDS)
def test_a_retryable_error_becomes_final_in_an_outer_boundary(kind: type[AIEndpointsError]) -> None:
    inner = to_airflow_error(full(kind), fail_fast=False)
    assert isinstance(to_airflow_error(inner, fail_fast=True), AirflowFailException) is not kind.retryable


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("convert", [None, False, True])
def test_error_survives(duplicate: Callable[[Any], Any], kind: type[AIEndpointsError], convert: bool | None) -> None:
    error = full(kind) if convert is None else to_airflow_error(full(kind), fail_fast=convert)
    twin = duplicate(error)
    assert twin is not error
    assert type(twin) is type(error)
    assert (twin.args, vars(twin), str(twin)) == (error.args, vars(error), str(error))


def test_traceback_is_kept_and_nothing_is_chained() -> None:
    def fail() -> None:
        raise full(errors.AuthenticationError)

    with pytest.raises(errors.AuthenticationError) as caught, raise_for_airflow(fail_fast=True):
        fail()
    assert isinstance(caught.value, AirflowFailException)
    assert [entry.name for entry in caught.traceback][-1] == "fail"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_partial_failure_is_retryable_if_one_of_its_failures_is() -> None:
    lost = errors.PartialFailureError("3 of 9 failed.", retryable=True)
    assert not isinstance(to_airflow_error(lost, fail_fast=True), AirflowFailException)
    assert isinstance(to_airflow_error(errors.PartialFailureError("3 of 9."), fail_fast=True), AirflowFailException)
