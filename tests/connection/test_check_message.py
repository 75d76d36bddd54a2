"""
What stands in the toast, and what must never stand there.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.connection import check
from apache_airflow_provider_ovhcloud_ai.connection.check_message import compose_message
from apache_airflow_provider_ovhcloud_ai.connection.check_report import SERVICE, Report, Step
from apache_airflow_provider_ovhcloud_ai.defaults import TEST_TIMEOUT_S
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from support.services import LISTED, MODELS, TOKEN, UNKNOWN_MODEL, ServiceRequest, ServiceResponse, Silence, manner

pytestmark = pytest.mark.airflow

ENCODED = [
    base64.b64encode(f"{lead}{TOKEN}{tail}".encode()).decode()
    for lead in ("", "u:", "k=", "abc")
    for tail in ("", "\n", "}}")
]

#: Spellings in which a server may echo the token.
SPELLINGS = [
    TOKEN,
    TOKEN.upper(),
    f"Bearer {TOKEN}",
    TOKEN[::-1],
    urllib.parse.quote(TOKEN, safe=""),
    TOKEN.encode().hex(),
    base64.urlsafe_b64encode(TOKEN.encode()).decode(),
    *ENCODED,
]

#: Where it may put it.
PLACES: dict[str, Callable[[str], ServiceResponse]] = {
    "error": lambda echo: ServiceResponse(401, {"error": {"message": f"no such key: {echo}", "code": echo}}),
    "cut error": lambda echo: ServiceResponse(400, {"error": {"message": f"{'x' * 280}{echo}"}}),
    "whole error": lambda echo: ServiceResponse(500, {"error": {"headers": {"authorization": echo}}}),
    "title": lambda echo: ServiceResponse(502, f"<html><title>No: {echo}</title></html>"),
    "cut title": lambda echo: ServiceResponse(200, f"<html><title>{'x' * 65}{echo}</title></html>"),
    "text": lambda echo: ServiceResponse(500, f"no such key: {echo}"),
    "media type": lambda echo: ServiceResponse(200, "no", {"Content-Type": f"text/{echo}"}),
    "location": lambda echo: ServiceResponse(302, "", {"Location": f"https://{echo}.example.com/{echo}"}),
    "model": lambda echo: ServiceResponse(200, {"data": [{"id": f"model-of-{echo}"}]}),
    "request id": lambda echo: ServiceResponse(403, {"message": "No"}, {"X-Request-Id": echo}),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_echoed_token_is_not_repeated(serve: Any, press: Any, caplog: pytest.LogCaptureFixture, spelling: str) -> None:
    caplog.set_level(logging.DEBUG, "apache_airflow_provider_ovhcloud_ai")
    # Eight characters in a row would be too much; at its ends an encoding holds more than the token.
    parts = {spelling[start : start + 8].lower() for start in range(8, len(spelling) - 12)}
    service = serve(manner())
    for place, echo in PLACES.items():
        for answers in (manner(echo(spelling)), manner(LISTED, echo(spelling))):
            service.answer = answers
            verdict = press(service.base_url, chat_model="of-nothing")
            texts = (verdict.message + repr(verdict.report) + caplog.text).lower()
            assert not [part for part in parts if part in texts], place
    assert len(service.requests) >= 3 * len(PLACES)


def report(step: Step | None = None, models: tuple[str, ...] | None = ("a",), access: str = "token") -> Report:
    steps = (Step("ok", name="Settings"), step or Step("ok", "token accepted", name="Access"))
    return Report(steps, access, models)


@pytest.mark.parametrize("count", [0, 1, 24, 500])
@pytest.mark.parametrize("length", [1, 30, 200])
@pytest.mark.parametrize("detail", ["", "d" * 500, "d" * 3000])
def test_sentence_fits_with_any_detail(count: int, length: int, detail: str) -> None:
    models = tuple(f"{number:03}".rjust(length, "m") for number in range(count))
    message = compose_message(report(Step("inconclusive", "no", detail, SERVICE, "Access"), models))
    assert len(message) < 2000
    assert message.startswith("Token not verified: no.")
    if count == 500 and len(detail) <= 500:
        assert message.endswith(" more in the log.")


def test_500_long_names_are_counted_and_cut_at_a_whole_one(serve: Any, press: Any) -> None:
    names = [
        f"maker/model-number-{number:03}-with-a-name-of-about-eighty-characters-instruct-2507-fp8"
        for number in range(500)
    ]
    verdict = press(serve(manner(ServiceResponse(200, {"data": [{"id": name} for name in names]}))).base_url)
    head, _, listing = verdict.message.partition(" 500 models in N ms: ")
    assert head == "OK: token accepted. Access: token."
    full_names = listing.removesuffix(".").split(", ")
    assert full_names[:-1] == names[: len(full_names) - 1]
    assert full_names[-1] == f"{500 - len(full_names) + 1} more in the log"
    assert 1400 < len(listing) < 1560


def test_names_that_no_log_or_toast_should_print(serve: Any, press: Any) -> None:
    names = ["two\nlines", "bell\x07", "half a pair \ud800", "x" * 5000]
    verdict = press(
        serve(manner(ServiceResponse(200, json.dumps({"data": [{"id": name} for name in names]})))).base_url
    )
    assert verdict.ok
    assert verdict.message.isprintable()
    assert verdict.report.models == ("two lines", "bell", "half a pair", "x" * 197 + "...")


def test_no_models_one_model_and_the_documented_limit() -> None:
    assert compose_message(report(models=())).endswith("Access: token. 0 models in 0 ms.")
    assert compose_message(report()).endswith("Access: token. 1 model in 0 ms: a.")


def test_limit_by_tokens_is_named(serve: Any, press: Any) -> None:
    headers = {"x-ratelimit-limit-tokens": "200000", "x-ratelimit-remaining-tokens": "199000"}
    verdict = press(serve(manner(ServiceResponse(200, json.dumps({"data": []}), headers))).base_url)
    assert verdict.report.token_limit == 200_000
    assert verdict.report.limits == "200,000 tokens a minute for each model"
    both = replace(report(), limit=400, token_limit=200_000)
    assert "Access: token, 400 requests and 200,000 tokens a minute for each model." in compose_message(both)


def test_limit_of_ovhcloud_needs_no_header(press: Any) -> None:
    # Nothing is reached: the name lookup of a reserved domain fails.
    assert press("https://x.invalid.ovh.net:1/v1", seconds=2).report.limit == 400
    assert press("https://x.invalid.ovh.net:1/v1", seconds=2, token=None, access="anonymous").report.limit == 2
    assert press("https://x.invalid/v1").report.limit is None


@pytest.fixture
def press_in_airflow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, str]]:
    def test(**fields: Any) -> tuple[bool, str]:
        connection = {"conn_type": "ovh_ai_endpoints", "password": TOKEN, **fields}
        monkeypatch.setenv("AIRFLOW_CONN_AI", json.dumps(connection))
        return OVHCloudAIEndpointsHook("ai").test_connection()

    return test


def test_hook_says_the_same_and_logs_all_models(
    serve: Any, press: Any, press_in_airflow: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    service = serve(manner())
    caplog.set_level(logging.INFO)
    ok, message = press_in_airflow(host=service.base_url)
    assert ok
    assert message.startswith("OK: token accepted. Access: token. 4 models in ")
    logged = caplog.text + "".join(capfd.readouterr())
    assert all(model["id"] in logged for model in MODELS["data"])
    assert TOKEN not in logged


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"password": "***"}, "Failed: token not tested, Airflow passed *** in its place."),
        ({"password": "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"}, "Failed: token not tested, Airflow passed ***"),
        ({"password": None}, "Failed: API key not found."),
        ({"password": "two words"}, "Failed: The API token holds a line break or blank at position 4"),
        ({"host": "ftp://example.com"}, "Failed: The base URL must begin with https://, not 'ftp://'."),
        ({"host": "http://example.com"}, "Failed: The base URL 'http://example.com' would send the token unencrypted"),
        ({"host": "localhost", "port": 70000}, "Failed: Port must be a number from 0 to 65535, not 70000."),
        ({"extra": {"timeout": -1}}, "Failed: Timeout of the connection must be a number from"),
        ({"extra": {"ca_bundle": "/no/such/file"}}, "Failed: The CA bundle '/no/such/file' does not exist"),
        ({"extra": {"access": "open"}}, "Failed: 'Access' of the connection must be token or anonymous, not 'open'."),
    ],
)
def test_settings_that_cannot_work(serve: Any, press_in_airflow: Any, fields: dict[str, Any], verdict: str) -> None:
    service = serve(manner())
    ok, message = press_in_airflow(**{"host": service.base_url} | fields)
    assert not ok
    assert message.startswith(verdict)
    assert service.requests == []


def test_connection_that_does_not_exist() -> None:
    ok, message = OVHCloudAIEndpointsHook("nowhere").test_connection()
    assert not ok
    assert message.startswith("Failed: The connection 'nowhere' does not exist")


def test_defect_of_the_test_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, press_in_airflow: Any) -> None:
    def broken(*_: Any) -> Report:
        raise LookupError(f"holds {TOKEN}")

    monkeypatch.setattr(check, "run_test", broken)
    assert press_in_airflow() == (
        False,
        "Failed: unexpected LookupError in the test itself. This says nothing about the token: the log of this process "
        "has the details. Where to act: Airflow or this provider.",
    )


@pytest.mark.slow
def test_timeout_and_retries_of_the_connection_do_not_lengthen_the_test(serve: Any, press_in_airflow: Any) -> None:
    """
    Takes the ten seconds that it is about: a test that outlives them would wait for the service's own minute.
    """
    service = serve(manner(Silence()))
    results: list[tuple[bool, str]] = []
    extra = {"timeout": 300, "max_retries": 5, "requests_per_minute": 1}
    test = threading.Thread(target=lambda: results.append(press_in_airflow(host=service.base_url, extra=extra)))
    test.start()
    test.join(3 * TEST_TIMEOUT_S)
    assert results
    assert results[0][1].startswith(f"Failed: timed out. {service.host} did not complete its response within the 10 s")
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "chat_response",
    [
        ServiceResponse(429),
        ServiceResponse(401),
        ServiceResponse(502),
        ServiceResponse(302, "", {"Location": "https://a-long-name.example.com"}),
        ServiceResponse(200),
    ],
)
def test_verdict_and_cause_come_first(serve: Any, press: Any, chat_response: ServiceResponse) -> None:
    for answers in (manner(chat_response), manner(LISTED, chat_response)):
        verdict = press(serve(answers).base_url)
        assert verdict.report.first_failure is not None
        assert verdict.report.first_failure.headline in verdict.message[:80]


def test_long_default_model_still_leaves_the_cause_in_sight(serve: Any, press: Any) -> None:
    message = press(serve(manner()).base_url, chat_model="m" * 5000).message
    assert message.startswith(f"Failed: model not found: {'m' * 29}... (the chat model).")
    assert len(message) < 2000
    embedding = ServiceResponse(200, {"data": [{"id": "embed" * 50}]})
    message = press(serve(manner(embedding)).base_url, chat_model="embed" * 50).message
    assert "is a model for embedding, not for chat." in message[:80]


def test_request_is_made_once_each(serve: Any, press: Any) -> None:
    """
    No failure that a client would usually retry is retried.
    """

    def flaky(request: ServiceRequest) -> ServiceResponse:
        return ServiceResponse(503, headers={"Retry-After": "0"}) if len(service.requests) == 1 else LISTED

    service = serve(manner(flaky, UNKNOWN_MODEL))
    assert press(service.base_url).message.startswith("Token not verified: the service answered 503.")
    assert len(service.requests) == 1
