from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http.retry import pause_before_next
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    InvalidResponseError,
    OutputTruncatedError,
)

MODELS = model_list.models()
CHAT = chat_request.chat("m", [{"role": "user", "content": "Hi"}])


def status(number: int, retry_after: float | None = None) -> APIStatusError:
    return APIStatusError("x", status=number, retry_after=retry_after)


def decide(error: AIEndpointsError, request: Any = CHAT, **options: Any) -> float | None:
    settings = ClientSettings(max_retries=options.pop("max_retries", 5), max_wait=options.pop("max_wait", 60.0))
    return pause_before_next(error, request, settings, **{"attempt": 1, "waited": 0.0, "jitter": 1.0, **options})


@pytest.mark.parametrize(
    ("error", "models", "chat"),
    [
        (APIConnectionError("x", kind="dns", may_have_been_processed=False), True, True),
        (APIConnectionError("x", kind="tls", may_have_been_processed=False), True, True),
        (APIConnectionError("x", kind="lost", may_have_been_processed=True), True, False),
        (APITimeoutError("x", may_have_been_processed=False), True, True),
        (APITimeoutError("x", may_have_been_processed=True), True, False),
        (status(429), True, True),
        (status(503), True, True),
        (status(408), True, True),
        (status(500), True, True),
        (status(502), True, True),
        (status(504), True, False),
        (status(501), False, False),
        (status(404), False, False),
        (InvalidResponseError("x", status=200), False, False),
        (OutputTruncatedError("x", status=200), False, False),
        (ConfigurationError("x"), False, False),
    ],
)
def test_who_is_asked_again(error: AIEndpointsError, models: bool, chat: bool) -> None:
    assert (decide(error, MODELS) is not None, decide(error, CHAT) is not None) == (models, chat)


@pytest.mark.parametrize(("number", "again"), [(408, False), (500, False), (502, False), (429, True), (503, True)])
def test_a_chat_that_may_be_billed_is_repeated_once(number: int, again: bool) -> None:
    assert (decide(status(number), attempt=2) is not None) is again


@pytest.mark.parametrize(
    ("options", "pause"),
    [
        *[({"attempt": n}, 0.5 * 2 ** (n - 1)) for n in (1, 2, 3, 4)],
        ({"attempt": 5}, 8.0),
        ({"attempt": 9, "max_retries": 20}, 8.0),
        ({"jitter": 0.0}, 0.25),
        ({"attempt": 6}, None),
        ({"max_retries": 0}, None),
        ({"waited": 59.5}, 0.5),
        ({"waited": 59.6}, None),
        ({"max_wait": 0.0}, None),
    ],
)
def test_pauses_without_advice(options: dict[str, Any], pause: float | None) -> None:
    assert decide(status(503), **options) == pause


@pytest.mark.parametrize(
    ("advice", "waited", "pause"), [(60.0, 0.0, 60.0), (60.1, 0.0, None), (50.0, 11.0, None), (0.0, 60.0, 0.0)]
)
def test_advice_is_followed_within_the_budget(advice: float, waited: float, pause: float | None) -> None:
    assert decide(status(429, advice), waited=waited) == pause
