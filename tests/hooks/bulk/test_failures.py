"""
When failed rows end a run, and with which error.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    InvalidOutputError,
    NotFoundError,
    PartialFailureError,
    QuotaExceededError,
    RateLimitError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.failures import (
    MAX_CONSECUTIVE_FAILURES,
    MAX_FIRST_FAILURES,
    MIN_ROWS_FOR_SHARE,
    ON_ERROR,
    Failures,
    RowError,
)
from hypothesis import given
from hypothesis import strategies as st

LOG = logging.getLogger(__name__)


def reject(number: int = 0, **fields: Any) -> RowError:
    return RowError(number, BadRequestError("as ordered", status=400, **fields))


def lose(number: int = 0, **fields: Any) -> RowError:
    return RowError(number, APIConnectionError("lost", **fields))


def add(failures: Failures, *outcomes: RowError | None) -> None:
    """Requests of one row each."""
    for outcome in outcomes:
        failures.add(1, [outcome] if outcome else [])


def count_rows(failures: Failures, outcomes: list[RowError | None]) -> int:
    """The number of rows until the run is stopped; all of them if it isn't."""
    for number, outcome in enumerate(outcomes, 1):
        try:
            add(failures, outcome)
        except AIEndpointsError:
            return number
    return len(outcomes)


@pytest.mark.parametrize("on_error", ON_ERROR)
def test_a_run_without_failures_ends_well(on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    failures = Failures(on_error, 0)
    add(failures, *[None] * 100)
    failures.finish(LOG)
    assert (len(failures), failures.first, caplog.text) == (0, None, "")


@pytest.mark.parametrize("on_error", ON_ERROR)
@pytest.mark.parametrize("kind", [AuthenticationError, NotFoundError, QuotaExceededError, BudgetExceededError])
def test_what_each_row_would_get_ends_the_run(on_error: str, kind: type[AIEndpointsError]) -> None:
    with pytest.raises(kind):
        add(Failures(on_error, 100), None, RowError(1, kind("no")))


def test_raise_ends_the_run_at_the_first_failure() -> None:
    with pytest.raises(BadRequestError, match="as ordered"):
        add(Failures("raise"), None, reject(1))


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize(
    ("max_failures", "outcomes", "rows"),
    [
        # Many failures in a row that a retry may help: the service is down.
        (None, [None, *[lose()] * 100], 1 + MAX_CONSECUTIVE_FAILURES),
        (None, [None, *[lose()] * (MAX_CONSECUTIVE_FAILURES - 1), None] * 4, 4 * (MAX_CONSECUTIVE_FAILURES + 1)),
        (None, [None, *[reject()] * 200], 201),
        # The first ones fail alike.
        (None, [reject()] * 100, MAX_FIRST_FAILURES),
        (None, [reject()] * (MAX_FIRST_FAILURES - 1) + [None] + [reject()] * 75, 100),
        (None, [reject(), *[RowError(1, InvalidOutputError("odd"))] * 24] * 2, 50),
        (None, [reject(code="a"), reject(code="b")] * 50, 100),
        # A number.
        (0, [None, reject(), None], 2),
        (3, [reject()] * 100, 4),
        (3, [reject(), None] * 50, 7),
        (100, [reject()] * 100, 100),
        ("3", [reject()] * 100, 4),
        # A share, which a few rows don't have.
        (0.5, [reject()] * 200, MIN_ROWS_FOR_SHARE),
        (0.5, [reject(), None, None] * 100, 300),
        (0.1, [None] * 100 + [reject()] * 100, 100 + 12),
        # 1 is a number, not a share.
        (1, [reject(), reject(), None], 2),
    ],
)
def test_limit_of_failures(on_error: str, max_failures: Any, outcomes: list[RowError | None], rows: int) -> None:
    assert count_rows(Failures(on_error, max_failures), outcomes) == rows


def test_error_says_why_the_run_was_stopped() -> None:
    with pytest.raises(
        PartialFailureError, match="The first 25 rows failed alike, so the rest was not asked; the first"
    ):
        add(Failures("skip"), *map(reject, range(30)))
    with pytest.raises(PartialFailureError, match=r"3 of 4 rows failed, more than max_failures allows; .* row 1: as"):
        add(Failures("skip", 2), None, *map(reject, range(1, 5)))


def test_rows_of_a_request_count_each() -> None:
    failures = Failures("skip", 9)
    failures.add(5, [])
    failures.add(10, [reject(number) for number in range(5, 14)])
    with pytest.raises(PartialFailureError, match="10 of 16 rows failed"):
        failures.add(1, [reject(15)])


class TestEnd:
    def test_fail_raises_with_the_first_failure(self) -> None:
        failures = Failures("fail")
        add(failures, None, reject(1), reject(2))
        with pytest.raises(PartialFailureError, match=r"^2 of 3 rows failed; the first one, row 1: as ordered$"):
            failures.finish(LOG)

    def test_skip_warns_once(self, caplog: pytest.LogCaptureFixture) -> None:
        failures = Failures("skip")
        add(failures, *[None] * 1_000, *map(reject, range(1_000, 1_003)))
        failures.finish(LOG)
        assert caplog.messages == ["3 of 1,003 rows failed; the first one, row 1000: as ordered"]

    def test_share_holds_for_few_rows_at_the_end(self) -> None:
        failures = Failures("skip", 0.5)
        add(failures, reject(), reject(), None)
        with pytest.raises(PartialFailureError, match="2 of 3 rows failed, more than max_failures allows"):
            failures.finish(LOG)

    def test_limit_of_a_run_that_does_not_stop_holds_at_the_end(self) -> None:
        failures = Failures("skip", 2, stops=False)
        add(failures, *[reject()] * 100, RowError(1, AuthenticationError("no")))
        with pytest.raises(PartialFailureError, match="101 of 101 rows failed, more than max_failures"):
            failures.finish(LOG)

    @given(st.lists(st.sampled_from([reject(), lose(), lose(retry_after=7.0), lose(retry_after=3.0)]), min_size=1))
    def test_a_retry_makes_sense_if_it_may_help_one_row(self, errors: list[RowError]) -> None:
        failures = Failures("fail", stops=False)
        add(failures, *errors)
        with pytest.raises(PartialFailureError) as raised:
            failures.finish(LOG)
        assert raised.value.retryable == any(each.error.retryable for each in errors)
        assert raised.value.retry_after == (max(each.error.retry_after or 0 for each in errors) or None)


def test_few_rows_do_not_count_as_a_service_that_is_down() -> None:
    kinds = [RowError(0, APIStatusError("busy", status=503)), RowError(0, RateLimitError("slow", status=429))]
    assert count_rows(Failures("skip"), kinds * 12) == 24


@pytest.mark.parametrize(
    ("on_error", "max_failures", "message"),
    [
        ("ignore", None, "on_error must be 'fail', 'skip' or 'raise', not 'ignore'"),
        (None, None, "on_error must be"),
        ("skip", -1, "max_failures must be a number"),
        ("skip", "many", "max_failures must be a number"),
        ("skip", True, "max_failures must be a number"),
    ],
)
def test_invalid_parameters(on_error: Any, max_failures: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Failures(on_error, max_failures)
