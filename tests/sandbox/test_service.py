from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox, service

Ask = Callable[..., Any]


def test_a_defect_is_a_500(sandbox: Sandbox, ask: Ask, caplog: Any) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError

    sandbox._service._routes = (service.PlainRoute("GET", "/v1/broken", broken),)
    assert ask("/broken", method="GET").status == 500
    assert "The sandbox failed on GET /v1/broken" in caplog.text


def test_retired_model_warns_and_is_not_listed(chat: Ask, ask: Ask) -> None:
    answer = chat("Mixtral-8x22B-Instruct-v0.1")
    assert answer.headers["x-warning"].startswith("This model is deprecated and will be redirected to Mistral-Small")
    assert "x-warning" not in chat().headers
    model_ids = [model["id"] for model in ask("/models", method="GET").body["data"]]
    assert "Mixtral-8x22B-Instruct-v0.1" not in model_ids


def test_refusal_by_the_model_counts_against_the_limit(chat: Ask) -> None:
    assert chat(temperature=9).headers["x-ratelimit-remaining-minute"] == "399"
    assert chat().headers["x-ratelimit-remaining-minute"] == "398"


def test_unknown_model_does_not_count(chat: Ask, sandbox: Sandbox) -> None:
    answer = chat("no-such-model", max_tokens=1)
    assert answer.status == 404
    assert answer.body["error"]["message"] == "The model `no-such-model` does not exist."
    assert "x-ratelimit-limit-minute" not in answer.headers
