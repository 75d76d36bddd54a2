"""
What a task has used, and what it may.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage
from apache_airflow_provider_ovhcloud_ai.errors import APIConnectionError, BudgetExceededError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.usage.usage_tracker import UsageTracker, format_usage

pytestmark = pytest.mark.airflow

PRICED = {"currency_unit": "USD", "prompt": "0.001", "completion": "0.01", "request": "0"}


def models(**currencies: str) -> list[dict[str, Any]]:
    return [{"id": name, "pricing": {**PRICED, "currency_unit": unit}} for name, unit in currencies.items()]


def make_response(model: str | None = "m", prompt: Any = 10, completion: Any = 2, **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 12, **more}
    return {"model": model, "usage": usage}


class List:
    """A list of models that counts how often it is asked for."""

    def __init__(self, models: list[dict[str, Any]] | None = None) -> None:
        self.models = models
        self.times = 0

    def __call__(self) -> list[dict[str, Any]]:
        self.times += 1
        if self.models is None:
            raise APIConnectionError("no")
        return self.models


def test_everything_is_added_up() -> None:
    list_models = List(models(m="USD"))
    tracker = UsageTracker(list_models)
    details = {"completion_tokens_details": {"reasoning_tokens": 1}, "prompt_tokens_details": {"cached_tokens": 0}}
    for response in (make_response(), make_response(**details), make_response(None)):
        tracker.check("m")
        tracker.add(response, "m")
    summary = tracker.as_xcom()
    assert summary == {
        "requests": 3,
        "input_tokens": 30,
        "output_tokens": 6,
        "total_tokens": 36,
        "reasoning_tokens": 1,
        "cached_tokens": 0,
        "cost": pytest.approx(0.09),
        "currency": "USD",
    }
    assert format_usage(summary) == "requests=3 input_tokens=30 output_tokens=6 cost=0.090000 USD"
    assert list_models.times == 1


@pytest.mark.parametrize(
    ("responses", "cost"),
    [
        ([make_response(), make_response("unlisted")], models(m="USD")),
        ([make_response(), {"model": "m"}], models(m="USD")),
        ([make_response(), make_response(completion=None)], models(m="USD")),
        ([make_response(), make_response("n")], models(m="USD", n="EUR")),
        ([make_response()], []),
        ([make_response()], None),
    ],
)
def test_a_cost_that_is_known_in_part_is_unknown(responses: list[dict[str, Any]], cost: Any) -> None:
    tracker = UsageTracker(List(cost))
    for response in responses:
        tracker.add(response, "m")
    summary = tracker.as_xcom()
    assert (summary["cost"], summary["currency"]) == (None, None)
    assert format_usage(summary).endswith("cost=unknown")


def test_prices_are_asked_for_where_they_are_wanted() -> None:
    list_models = List(models(m="USD"))
    tracker = UsageTracker(list_models, max_total_tokens=100)
    tracker.check("m")
    tracker.add(make_response(), "m")
    assert tracker.as_xcom(priced=False)["cost"] is None
    assert list_models.times == 0


@pytest.mark.parametrize(
    ("limits", "requests", "words"),
    [
        ({"max_total_tokens": 13}, 2, "24 of 13 tokens"),
        ({"max_total_tokens": "24"}, 2, "24 of 24 tokens"),
        ({"max_cost": 0.05}, 2, "0.060000 of 0.05 USD"),
        ({"max_cost": "0.03"}, 1, "0.030000 of 0.03 USD"),
        ({"max_cost": 1e-6}, 1, "max_cost"),
    ],
)
def test_a_limit_stops_the_request_after(limits: dict[str, Any], requests: int, words: str) -> None:
    tracker = UsageTracker(List(models(m="USD")), **limits)
    for _ in range(requests):
        tracker.check("m")
        tracker.add(make_response(), "m")
    with pytest.raises(BudgetExceededError, match=words) as caught:
        tracker.check("m")
    assert f"in {requests} requests" in str(caught.value)
    assert not caught.value.retryable


def test_a_limit_that_cannot_be_kept_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="no price for 'n'"):
        UsageTracker(List(models(m="USD")), max_cost=1).check("n")
    with pytest.raises(APIConnectionError):
        UsageTracker(List(None), max_cost=1).check("m")
    tracker = UsageTracker(List(models(m="USD")), max_cost=1)
    tracker.add({"model": "m"}, "m")
    with pytest.raises(BudgetExceededError, match="is not known"):
        tracker.check("m")


def test_tokens_that_the_service_did_not_add_up_are_added_up() -> None:
    tracker = UsageTracker(List(), max_total_tokens=25)
    for _ in range(3):
        tracker.check("m")
        tracker.add({"model": "m", "usage": {"prompt_tokens": 10, "completion_tokens": 2}}, "m")
    assert tracker.usage.total_tokens == 36
    with pytest.raises(BudgetExceededError, match="36 of 25 tokens"):
        tracker.check("m")


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": 10, "completion_tokens": None}])
def test_missing_usage_fails_a_task_that_limits_tokens(usage: Any) -> None:
    tracker = UsageTracker(List(), max_total_tokens=25)
    tracker.add({"model": "m", "usage": usage}, "m")
    with pytest.raises(BudgetExceededError, match="max_total_tokens cannot be kept") as caught:
        tracker.check("m")
    assert not caught.value.retryable
    unlimited = UsageTracker(List())
    unlimited.add({"model": "m", "usage": usage}, "m")
    unlimited.check("m")


def test_total_tokens_alone_are_enough_for_their_limit() -> None:
    tracker = UsageTracker(List(models(m="USD")), max_total_tokens=25)
    tracker.add({"model": "m", "usage": {"total_tokens": 12}}, "m")
    tracker.check("m")
    assert tracker.as_xcom()["cost"] is None


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"max_total_tokens": 100}, "120 of 100 tokens"), ({"max_cost": 0.1}, "0.300000 of 0.1"), ({}, None)],
)
def test_estimate_above_a_limit_is_refused(limits: dict[str, Any], words: str | None) -> None:
    tracker = UsageTracker(List(models(m="USD")), **limits)
    tracker.check_estimate("m", Usage(1, 10, 5, 15))
    if words is None:
        tracker.check_estimate("m", Usage(9, 10**9, 10**9, 2 * 10**9))
        return
    with pytest.raises(BudgetExceededError, match=words):
        tracker.check_estimate("m", Usage(4, 100, 20, 120))


def test_many_threads_lose_nothing() -> None:
    tracker = UsageTracker(List(models(m="USD")), max_cost=1e6)

    def work() -> None:
        for _ in range(500):
            tracker.check("m")
            tracker.add(make_response(), "m")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracker.as_xcom()["requests"] == 4000
    assert tracker.usage.total_tokens == 48_000
