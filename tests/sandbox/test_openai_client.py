"""The sandbox seen by a client that nobody here wrote: the ``openai`` package."""

from __future__ import annotations

import json
from enum import Enum

import httpx
import openai
import pydantic
import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.audio_samples import wav
from support.sandbox import CHAT, QUESTION


def connect(sandbox: Sandbox, token: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=sandbox.base_url, api_key=token, max_retries=0)


def test_chats(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=QUESTION, temperature=0.5)
    assert answer.model == CHAT
    assert answer.choices[0].finish_reason == "stop"
    assert "sandbox" in answer.choices[0].message.content
    assert "What is Airflow?" in answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id == "sandbox-000001"
    assert sandbox.requests[0].json["temperature"] == 0.5


def test_transcribes(client: openai.OpenAI) -> None:
    recording = ("talk.wav", wav(2), "audio/wav")
    short = client.audio.transcriptions.create(model="whisper-large-v3", file=recording, response_format="json")
    assert short.text.startswith("The sandbox was sent 2.0 seconds")
    whole = client.audio.transcriptions.create(
        model="whisper-large-v3-turbo",
        file=recording,
        language="fr",
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert (whole.language, float(whole.duration), whole.words[0].word) == ("fr", 2.0, "The")
    assert whole.usage.seconds == 2
    with pytest.raises(openai.BadRequestError, match="Invalid file format"):
        client.audio.transcriptions.create(model="whisper-large-v3", file=("talk.wav", b"no sound"))


class Mood(Enum):
    good = "good"
    bad = "bad"


class Place(pydantic.BaseModel):
    name: str
    inside: Place | None


class Report(pydantic.BaseModel):
    summary: str
    mood: Mood
    score: float = pydantic.Field(ge=1, le=5)
    places: list[Place] = pydantic.Field(min_length=2)


def test_structured_answer_fits_a_recursive_pydantic_model(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(model=CHAT, messages=QUESTION, response_format=Report)
    report = answer.choices[0].message.parsed
    assert report.mood is Mood.good
    assert [place.name for place in report.places] == ["sandbox", "sandbox"]
    keys = list(json.loads(answer.choices[0].message.content))
    assert keys == ["mood", "places", "score", "summary"]


def test_embeds_as_base64_which_equals_the_floats(client: openai.OpenAI, sandbox: Sandbox) -> None:
    texts = ["Apache Airflow", "a workflow tool"]
    packed = client.embeddings.create(model="bge-m3", input=texts)
    assert sandbox.requests[0].json["encoding_format"] == "base64"
    plain = client.embeddings.create(model="bge-m3", input=texts, encoding_format="float")
    assert [len(item.embedding) for item in packed.data] == [1024, 1024]
    assert [item.embedding for item in packed.data] == [item.embedding for item in plain.data]
    assert packed.usage == plain.usage


def test_wrong_token_is_forbidden_everywhere(sandbox: Sandbox) -> None:
    with connect(sandbox, "wrong") as client:
        with pytest.raises(openai.PermissionDeniedError, match="Forbidden: authentication failed"):
            client.models.list()
        with pytest.raises(openai.PermissionDeniedError, match="Forbidden: authentication failed"):
            client.chat.completions.create(model=CHAT, messages=QUESTION)


def test_anonymous_callers_list_models_and_ask_twice(client: openai.OpenAI, sandbox: Sandbox) -> None:
    without = {"Authorization": openai.Omit()}

    def ask(model: str) -> None:
        client.chat.completions.create(model=model, messages=QUESTION, extra_headers=without)

    for _ in range(3):
        client.models.list(extra_headers=without)
    ask(CHAT)
    ask(CHAT)
    with pytest.raises(openai.RateLimitError) as caught:
        ask(CHAT)
    ask("gpt-oss-20b")
    assert not any("authorization" in request.headers for request in sandbox.requests)
    with_token = client.chat.completions.with_raw_response.create(model=CHAT, messages=QUESTION)
    assert with_token.headers["x-ratelimit-remaining-minute"] == "399"
    assert caught.value.response.json() == {"message": "API rate limit exceeded"}
    headers = caught.value.response.headers
    assert headers["x-ratelimit-limit-minute"] == "2"
    assert headers["x-ratelimit-remaining-minute"] == "0"
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert headers["RateLimit-Reset"] == headers["Retry-After"]


def test_the_token_has_its_own_limit() -> None:
    with Sandbox(rate_limit=1) as sandbox, connect(sandbox, sandbox.token) as limited:
        response = limited.embeddings.with_raw_response.create(model="bge-m3", input="once")
        assert response.headers["x-ratelimit-limit-minute"] == "1"
        assert response.headers["x-ratelimit-remaining-minute"] == "0"
        assert "Retry-After" not in response.headers
        with pytest.raises(openai.RateLimitError):
            limited.embeddings.create(model="bge-m3", input="twice")


def test_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="Qwen3-32B", messages=QUESTION)
    assert caught.value.code == "model_not_found"
    assert "Qwen3-32B" in str(caught.value)


def test_client_retries_what_was_ordered_to_fail(sandbox: Sandbox) -> None:
    sandbox.fail_next(429, {"message": "API rate limit exceeded"}, {"Retry-After": "0"}, times=2)
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.token, max_retries=2) as client:
        client.chat.completions.create(model=CHAT, messages=QUESTION)
    assert len(sandbox.requests) == 3
    assert sandbox.connections == 1


def test_broken_stream_reaches_the_client_as_an_error(client: openai.OpenAI, sandbox: Sandbox) -> None:
    sandbox.cut_next()
    chunks = []
    # Before its third major version that client lets the exception of its HTTP library through.
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        chunks.extend(client.chat.completions.create(model=CHAT, messages=QUESTION, stream=True))
    assert len(chunks) > 5
    assert not any(chunk.choices[0].finish_reason for chunk in chunks)
