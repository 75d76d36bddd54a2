"""
How the Test button comes to its verdict: what it sends, how often, and what it makes of the answers.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.services import (
    ANSWERED,
    LISTED,
    MODELS,
    TOKEN,
    UNAUTHORIZED,
    UNKNOWN_MODEL,
    ServiceRequest,
    ServiceResponse,
    Silence,
    guarded,
    manner,
)

SHOWN = "Access: token. 4 models in N ms: gpt-oss-120b, Meta-Llama-3_3-70B-Instruct, bge-m3, whisper-large-v3."
UNPROVEN = "Token not verified: a made-up token is not refused either."


def test_two_requests_on_one_connection_show_a_good_token(serve: Any, press: Any) -> None:
    service = serve(manner())
    verdict = press(service.base_url)
    assert verdict.ok
    assert verdict.message == f"OK: token accepted. {SHOWN}"
    assert [(request.method, request.path) for request in service.requests] == [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
    ]
    assert {request.authorization for request in service.requests} == {f"Bearer {TOKEN}"}
    assert service.connections == 1


def test_probe_cannot_be_billed(serve: Any, press: Any) -> None:
    service = serve(manner())
    press(service.base_url)
    press(service.base_url)
    probes = [request.body for request in service.requests if request.method == "POST"]
    assert all(probe["max_tokens"] == 1 for probe in probes)
    assert not {probe["model"] for probe in probes} & {model["id"] for model in MODELS["data"]}
    assert len({probe["model"] for probe in probes}) == 2


def test_connection_for_embeddings_alone_is_probed_with_one(serve: Any, press: Any) -> None:
    service = serve(manner(chat=guarded(ANSWERED)))
    assert press(service.base_url, embedding_model="bge-m3").ok
    assert [request.path for request in service.requests] == ["/v1/models", "/v1/embeddings", "/v1/embeddings"]
    assert service.requests[1].body["input"] == ["."]
    assert service.requests[1].body["model"] not in {model["id"] for model in MODELS["data"]}


@pytest.mark.parametrize(
    "response",
    [
        ServiceResponse(404, {"error": {"message": "The model does not exist", "code": "model_not_found"}}),
        ServiceResponse(404, {"message": "Model not found"}),
        ServiceResponse(404, {"error": {"message": "Not found", "code": "model_not_found"}}),
        ServiceResponse(400, {"error": "model 'connection-test' not found"}),
        ServiceResponse(422, {"detail": "messages: at least one is needed"}),
        ServiceResponse(400, {"error": {"message": "max_tokens is too small"}}),
    ],
)
def test_refusal_of_the_model_or_a_parameter_shows_the_token(serve: Any, press: Any, response: ServiceResponse) -> None:
    service = serve(manner(chat=response))
    assert press(service.base_url).message.startswith("OK: token accepted.")
    assert len(service.requests) == 2


#: Answers to the probe that show nothing by themselves.
AMBIGUOUS = [
    ANSWERED,
    ServiceResponse(404, {"message": "no Route matched with those values"}),
    ServiceResponse(404, "<html><title>Model portal</title></html>"),
    ServiceResponse(404, "model not found"),
    ServiceResponse(404, '"model not found"'),
    ServiceResponse(400, {"error": {"message": "Bad request"}}),
    ServiceResponse(400, {"error": {"message": "No API key for this model"}}),
    ServiceResponse(422, {"detail": "token has no access to the model"}),
    ServiceResponse(405, {"message": "Method not allowed for model"}),
    ServiceResponse(200, "<html></html>"),
    ServiceResponse(413, {"message": "model too large"}),
]


@pytest.mark.parametrize("response", AMBIGUOUS, ids=lambda response: f"{response.status} {response.body}"[:40])
def test_ambiguous_answer_is_decided_by_a_made_up_token(serve: Any, press: Any, response: ServiceResponse) -> None:
    service = serve(manner(chat=guarded(response)))
    assert press(service.base_url).message == f"OK: token accepted. {SHOWN}"
    assert len(service.requests) == 3


@pytest.mark.parametrize("chat", AMBIGUOUS, ids=lambda response: f"{response.status} {response.body}"[:40])
def test_service_that_takes_any_token_is_not_green(serve: Any, press: Any, chat: ServiceResponse) -> None:
    service = serve(manner(chat=chat))
    verdict = press(service.base_url)
    assert not verdict.ok
    assert verdict.message == (
        f"{UNPROVEN} {service.host} answers {chat.status} to a made-up token and {chat.status} to this one: a wrong "
        f"token would go unnoticed. If the service needs none, set 'Access' to anonymous. Where to act: the service. "
        f"{SHOWN}"
    )
    assert len(service.requests) == 3


def test_made_up_token_has_the_shape_of_the_real_one(serve: Any, press: Any) -> None:
    service = serve(manner(chat=ANSWERED))
    press(service.base_url)
    made_up = service.requests[2].authorization.removeprefix("Bearer ")
    assert made_up != TOKEN
    assert [_kind(letter) for letter in made_up] == [_kind(letter) for letter in TOKEN]


def _kind(letter: str) -> str:
    return "a" if letter.islower() else "A" if letter.isupper() else "0" if letter.isdigit() else letter


@pytest.mark.parametrize(("status", "cause"), [(429, "request limit reached"), (503, "the service answered 503")])
def test_made_up_token_that_gets_no_verdict_gives_none(serve: Any, press: Any, status: int, cause: str) -> None:
    def chat(request: ServiceRequest) -> ServiceResponse:
        return ANSWERED if request.authorization == f"Bearer {TOKEN}" else ServiceResponse(status)

    assert press(serve(manner(chat=chat)).base_url).message.startswith(f"Token not verified: {cause}")


def test_token_refused_only_where_it_counts(serve: Any, press: Any) -> None:
    service = serve(manner(LISTED, UNAUTHORIZED))
    verdict = press(service.base_url)
    assert not verdict.ok
    assert verdict.message.startswith(
        f"Failed: token refused (401 Unauthorized). {service.host} answered 401 to a request for a model that does "
        "not exist and says: Invalid API Key. Check 'API token' in the connection: it may be mistyped, expired or "
        "revoked. Where to act: your token."
    )
    assert len(service.requests) == 2


def test_nothing_follows_the_first_failure(serve: Any, press: Any) -> None:
    service = serve(manner(UNAUTHORIZED))
    verdict = press(service.base_url)
    states = {step.name: step.state for step in verdict.report.steps}
    assert states == {
        "Settings": "ok",
        "Name and reach": "ok",
        "TLS": "ok",
        "Models": "failed",
        "Access": "not run",
        "Default models": "not run",
    }
    assert len(service.requests) == 1


def test_no_token_and_a_mask_send_nothing(serve: Any, press: Any) -> None:
    service = serve(manner())
    assert press(service.base_url, token=None).message == (
        "Failed: API key not found. Paste a token into 'API token', or set 'Access' to anonymous. Is one stored "
        "already, then the edit form of Airflow 2.11 has not sent it: type it again to test it there. Where to act: "
        "your setting."
    )
    assert press(service.base_url, token=None, masked=True).message == (
        "Failed: token not tested, Airflow passed *** in its place. Run 'airflow connections test <connection id>', "
        "which reads the stored token; a request to Airflow's API has to carry the token itself. Where to act: your "
        "setting."
    )
    assert service.requests == []


def test_anonymous_access_sends_no_header(serve: Any, press: Any) -> None:
    service = serve(manner())
    verdict = press(service.base_url, token=None, access="anonymous", masked=True)
    assert verdict.message == f"OK: anonymous access works, no token is sent. {SHOWN.replace('token', 'anonymous')}"
    assert [request.authorization for request in service.requests] == [None, None]


@pytest.mark.parametrize(
    ("response", "verdict"),
    [
        (UNAUTHORIZED, "Failed: anonymous access refused (401 Unauthorized)."),
        (ServiceResponse(429), "Not verified: request limit reached (429); the connection is not at fault."),
        (ServiceResponse(500), "Failed: the service answered 500."),
        (
            ServiceResponse(404, {"message": "no Route matched with those values"}),
            "Not verified: the service answered 404.",
        ),
        (ServiceResponse(400, {"message": "API key is missing"}), "Not verified: the service answered 400."),
    ],
)
def test_anonymous_access_is_not_green_because_models_are_listed(
    serve: Any, press: Any, response: ServiceResponse, verdict: str
) -> None:
    service = serve(manner(chat=response))
    result = press(service.base_url, token=None, access="anonymous")
    assert not result.ok
    assert result.message.startswith(verdict)
    assert len(service.requests) == 2


def test_limit_of_the_service_is_shown_where_it_states_one(serve: Any, press: Any) -> None:
    stated = ServiceResponse(404, UNKNOWN_MODEL.body, {"X-RateLimit-Limit-Minute": "400"})
    assert "Access: token, 400 requests a minute for each model." in press(serve(manner(chat=stated)).base_url).message
    odd = ServiceResponse(404, UNKNOWN_MODEL.body, {"X-RateLimit-Limit-Minute": "plenty"})
    assert "Access: token. " in press(serve(manner(chat=odd)).base_url).message


@pytest.mark.parametrize("where", ["models", "chat", "control"])
@pytest.mark.parametrize("answer", [Silence(), ServiceResponse(200, MODELS, pace=0.05)], ids=["hangs", "drips"])
def test_whole_test_is_bounded(serve: Any, press: Any, where: str, answer: Any) -> None:
    def chat(request: ServiceRequest) -> Any:
        return answer if where == "chat" or request.authorization != f"Bearer {TOKEN}" else ANSWERED

    service = serve(manner(answer if where == "models" else LISTED, chat))
    verdict = press(service.base_url, seconds=0.5)
    state = "Failed" if where == "models" else "Token not verified"
    assert verdict.message.startswith(
        f"{state}: timed out. {service.host} did not complete its response within the 0.5 s that a test may take. "
        "Check address, network and firewall. Where to act: the service."
    )
    assert len(service.requests) == ["models", "chat", "control"].index(where) + 1


def test_name_lookup_is_within_the_bound(press: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # No resolver that hangs can be had here.
    released = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: released.wait(60))
    try:
        verdict = press("https://slow.invalid/v1", seconds=0.3)
    finally:
        released.set()
    assert verdict.message == (
        "Failed: timed out. slow.invalid could not be reached within the 0.3 s that a test may take. Check address, "
        "network and firewall. Where to act: the network."
    )
