"""
The provider against llama.cpp's own HTTP server, which nobody here wrote: what holds only for the sandbox shows here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.client.responses_api import read_text, to_chat_usage
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidOutputError,
    OutputTruncatedError,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator as Chat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator
from pydantic import BaseModel, Field, TypeAdapter
from real.models import ANSWER

ASK = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Où est-on?"}]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "verdict",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"label": {"enum": ["good", "bad"]}, "sure": {"type": "boolean"}},
            "required": ["label", "sure"],
            "additionalProperties": False,
        },
    },
}


def test_models_are_listed(connect: Any, chat_url: str) -> None:
    (model,) = connect(chat_url).list_models()
    assert model["id"] == "tiny-chat"
    assert model["object"] == "model"


def test_response(connect: Any, chat_url: str) -> None:
    hook = connect(chat_url)
    messages = [{"role": "user", "content": "Où est-on?"}]
    response = hook.create_response(
        messages, "tiny-chat", instructions="Be brief.", max_output_tokens=50, temperature=0
    )
    assert read_text(response).strip() == ANSWER
    assert to_chat_usage(response)["usage"]["completion_tokens"] > 0
    again = [*messages, *response["output"], {"role": "user", "content": "Vraiment?"}]
    assert read_text(hook.create_response(again, "tiny-chat", max_output_tokens=50)).strip() == ANSWER


def test_chat(connect: Any, chat_url: str) -> None:
    response = connect(chat_url).chat_completion("tiny-chat", ASK, temperature=0.7, max_tokens=50, top_p=0.9, seed=1)
    (choice,) = response["choices"]
    assert choice["message"]["content"].strip() == ANSWER
    assert choice["finish_reason"] == "stop"
    assert response["usage"]["total_tokens"] == (
        response["usage"]["prompt_tokens"] + response["usage"]["completion_tokens"]
    )


def test_answer_is_cut_where_asked(connect: Any, chat_url: str) -> None:
    hook = connect(chat_url)
    (choice,) = hook.chat_completion("tiny-chat", ASK, max_tokens=2)["choices"]
    assert (choice["message"]["content"].strip(), choice["finish_reason"]) == ("Bonjour from", "length")
    (choice,) = hook.chat_completion("tiny-chat", ASK, stop=" the")["choices"]
    assert (choice["message"]["content"].strip(), choice["finish_reason"]) == ("Bonjour from", "stop")


def test_several_answers_and_log_probabilities(connect: Any, chat_url: str) -> None:
    response = connect(chat_url).chat_completion("tiny-chat", ASK, n=2, logprobs=True)
    assert [choice["message"]["content"].strip() for choice in response["choices"]] == [ANSWER] * 2
    assert response["choices"][0]["logprobs"]["content"][0]["token"].strip() == "Bonjour"


def test_json_schema_is_enforced(connect: Any, chat_url: str) -> None:
    hook = connect(chat_url)
    for seed in range(5):
        response = hook.chat_completion("tiny-chat", ASK, response_format=SCHEMA, seed=seed)
        value = json.loads(response["choices"][0]["message"]["content"])
        assert set(value) == {"label", "sure"}
        assert value["label"] in {"good", "bad"}
        assert isinstance(value["sure"], bool)


class Verdict(BaseModel):
    label: Literal["good", "bad"]
    sure: bool


def test_an_answer_in_the_form_of_a_class(connect: Any, chat_url: str) -> None:
    for stream in (False, True):
        answer = connect(chat_url).ask("Où est-on?", "tiny-chat", response_format=Verdict, stream=stream, seed=3)
        assert isinstance(answer.parsed, Verdict)
        assert answer.output("json").keys() == {"label", "sure"}
        assert answer.usage_tracker.usage.total_tokens > 0


Verdicts = Annotated[list[Verdict], Field(min_length=1, max_length=3)]


@pytest.mark.parametrize("annotation", [Verdicts, Literal["good", "bad"], bool])
def test_an_answer_of_a_type(connect: Any, chat_url: str, annotation: Any) -> None:
    answer = connect(chat_url).ask("Où est-on?", "tiny-chat", response_format=annotation, seed=3)
    assert TypeAdapter(annotation).validate_python(answer.output("json"), strict=True) == answer.parsed
    assert json.loads(answer.text).keys() == {"value"}


def test_json_that_was_cut_is_not_paid_for_twice(connect: Any, chat_url: str) -> None:
    conversation = connect(chat_url).conversation("Où est-on?", "tiny-chat", response_format=Verdict, max_tokens=2)
    with pytest.raises(OutputTruncatedError, match=r"before (its JSON was whole|the first word)"):
        conversation.run()
    assert conversation.usage_tracker.usage.requests == 1


def test_a_text_where_json_is_asked_for_is_sent_back_once(connect: Any, chat_url: str) -> None:
    # The server holds the model to a schema; with the API's own {"type": "text"} in its place it answers in words.
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    conversation = connect(chat_url).conversation(
        "Où est-on?", "tiny-chat", response_format=schema, extra_body={"response_format": {"type": "text"}}
    )
    with pytest.raises(InvalidOutputError, match="it is not JSON"):
        conversation.run()
    assert conversation.usage_tracker.usage.requests == 2


def test_outputs_of_the_operator(connect: Any, chat_url: str) -> None:
    connect(chat_url)
    text = Chat(task_id="t", model="tiny-chat", prompt="Où est-on?", output="text").execute({"ti": MagicMock()})
    assert text.strip() == ANSWER
    ti = MagicMock()
    verdict = Chat(task_id="t", model="tiny-chat", prompt="Où?", response_format=Verdict).execute({"ti": ti})
    assert verdict.keys() == {"label", "sure"}
    pushed = {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}
    # This server tells no prices.
    assert (pushed["usage"]["cost"], pushed["finish_reason"], pushed["model"]) == (None, "stop", "tiny-chat")


@pytest.mark.parametrize("options", [{}, {"max_tokens": 2}, {"response_format": SCHEMA, "seed": 3}])
def test_a_streamed_answer_comes_to_the_same(connect: Any, chat_url: str, options: dict[str, Any]) -> None:
    hook = connect(chat_url)
    stream = hook.stream_chat_completion("tiny-chat", ASK, **options)
    text = "".join(stream)
    whole = hook.chat_completion("tiny-chat", ASK, **options)
    assert text == whole["choices"][0]["message"]["content"]
    assert stream.response["choices"] == whole["choices"]
    # What the server kept of the prompt for the second request is told there.
    cached = {"prompt_tokens_details": None}
    assert stream.response["usage"] | cached == whole["usage"] | cached


def test_log_probabilities_of_a_stream_are_joined(connect: Any, chat_url: str) -> None:
    stream = connect(chat_url).stream_chat_completion("tiny-chat", ASK, logprobs=True)
    text = "".join(stream)
    entries = stream.response["choices"][0]["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == text


def test_a_long_stream(connect: Any, chat_url: str) -> None:
    stream = connect(chat_url).stream_chat_completion("tiny-chat", ASK, ignore_eos=True, max_tokens=800)
    pieces = list(stream)
    assert len(pieces) > 500
    assert stream.response["usage"]["completion_tokens"] == 800
    assert stream.response["choices"][0]["finish_reason"] == "length"
    assert stream.response["choices"][0]["message"]["content"] == "".join(pieces)


def test_streaming_is_refused_before_anything_is_sent(connect: Any, chat_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^stream=True is not supported here: leave it out"):
        connect(chat_url).chat_completion("tiny-chat", ASK, stream=True)


WORDS = ["dog", "cat", "puppy", "kitten", "animal", "pet", "train", "bus", "road", "car", "cloud", "price", "euro"]


def test_embeddings_of_many_texts_keep_their_order(connect: Any, embedding_url: str) -> None:
    texts = [f"the {WORDS[i % len(WORDS)]} {WORDS[i // len(WORDS)]} {i}" for i in range(130)]
    hook = connect(embedding_url)
    together = hook.create_embedding("tiny-embed", texts)
    assert [item["index"] for item in together["data"]] == list(range(130))
    assert {len(item["embedding"]) for item in together["data"]} == {32}
    assert together["usage"]["prompt_tokens"] == together["usage"]["total_tokens"] > 130
    for position in (0, 24, 25, 26, 74, 75, 129):
        alone = hook.create_embedding("tiny-embed", texts[position])["data"][0]["embedding"]
        assert together["data"][position]["embedding"] == pytest.approx(alone, abs=1e-6)


def test_two_thousand_texts_become_a_folder(connect: Any, embedding_url: str, tmp_path: Path) -> None:
    hook = connect(embedding_url)
    lines = [f"the {WORDS[i % len(WORDS)]} {WORDS[i // len(WORDS) % len(WORDS)]} {i}" for i in range(2_000)]
    (tmp_path / "texts.txt").write_text("\n".join(lines))
    operator = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        ovh_conn_id=hook.ovh_conn_id,
        model="tiny-embed",
        input_path=str(tmp_path / "texts.txt"),
        output_path=str(tmp_path / "vectors"),
        part_size=150,
    )
    manifest = operator.execute({"ti": MagicMock()})
    assert {name: manifest[name] for name in ("rows", "parts", "dimensions", "failed")} == {
        "rows": 2_000,
        "parts": 14,
        "dimensions": 32,
        "failed": 0,
    }
    records = [json.loads(line) for part in sorted((tmp_path / "vectors").glob("part-*")) for line in part.open()]
    assert [record["text"] for record in records] == lines
    for position in (0, 24, 149, 150, 1_023, 1_999):
        alone = hook.create_embedding("tiny-embed", lines[position])["data"][0]["embedding"]
        assert records[position]["embedding"] == pytest.approx(alone, abs=1e-6)


def test_long_texts_are_cut_or_split_to_what_the_model_takes(connect: Any, embedding_url: str, tmp_path: Path) -> None:
    hook = connect(embedding_url)
    hook.max_retries = 0
    long = "the dog and a cat the puppy " * 100
    with pytest.raises(APIStatusError):
        hook.create_embedding("tiny-embed", long)
    with pytest.raises(ConfigurationError, match="does not say how long a text may be for 'tiny-embed': set max_text"):
        hook.create_embedding("tiny-embed", long, on_long_text="truncate")
    cut = hook.create_embedding("tiny-embed", [long, "dog"], on_long_text="truncate", max_text_tokens=512)
    assert len(cut["data"]) == 2
    rows = [{"id": 1, "text": "dog"}, {"id": 2, "text": long}]
    summary = hook.embed_rows(rows, tmp_path, "tiny-embed", on_long_text="split", max_text_tokens=512)
    records = [json.loads(line) for part in tmp_path.glob("part-*") for line in part.open()]
    assert summary["split"] == 1
    assert [record["chunk_index"] for record in records] == [0, *range(len(records) - 1)]
    assert "".join(record["text"] for record in records if record["id"] == 2) == long


def test_many_prompts_are_answered_in_order(connect: Any, chat_url: str) -> None:
    conversations = [[{"role": "user", "content": f"question {n}"}] for n in range(40)]
    result = connect(chat_url).chat_completions(conversations, "tiny-chat", concurrency=4, max_tokens=20)
    assert result["errors"] == []
    assert [each["choices"][0]["message"]["content"].strip() for each in result["responses"]] == [ANSWER] * 40


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_vectors_say_which_texts_are_alike(connect: Any, embedding_url: str) -> None:
    response = connect(embedding_url).create_embedding(
        "tiny-embed", ["the dog is a pet", "a pet is the dog", "data center"]
    )
    pet, same, center = (item["embedding"] for item in response["data"])
    assert _dot(pet, pet) == pytest.approx(1, abs=1e-5)
    assert _dot(pet, same) > 0.99
    assert _dot(pet, center) < 0.9


def test_floats_asked_for_by_name_are_the_same_vectors(connect: Any, embedding_url: str) -> None:
    hook = connect(embedding_url)
    usual, floats = (
        hook.create_embedding("tiny-embed", "dog", **params)["data"][0]["embedding"]
        for params in ({}, {"encoding_format": "float"})
    )
    assert usual == pytest.approx(floats, abs=1e-6)


def test_wrong_token(connect: Any, chat_url: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        connect(chat_url, token="llama-token-9876543210").chat_completion("tiny-chat", ASK)
    assert caught.value.status == 401
    assert str(caught.value).startswith("401 Unauthorized: ")
    assert "Invalid API Key" in str(caught.value)
    assert "9876543210" not in str(caught.value)


def test_refusal_quotes_the_server(connect: Any, chat_url: str, embedding_url: str) -> None:
    with pytest.raises(BadRequestError, match="exceed"):
        connect(chat_url).chat_completion("tiny-chat", [{"role": "user", "content": "word " * 5000}])
    with pytest.raises(APIStatusError) as caught:
        connect(chat_url).create_embedding("tiny-chat", "dog")
    assert caught.value.status == 501
    assert "embeddings" in str(caught.value)
    hook = connect(embedding_url, conn_id="other")
    hook.max_retries = 0
    with pytest.raises(APIStatusError, match="chat"):
        hook.chat_completion("tiny-embed", ASK)


def test_test_button(connect: Any, chat_url: str, embedding_url: str) -> None:
    """
    The server serves its one model under any name, so that only a made-up token shows what ours is worth.
    """
    ok, message = connect(chat_url, chat_model="tiny-chat").test_connection()
    assert (ok, re.sub(r"\d+ ms", "N ms", message)) == (
        True,
        "OK: token accepted. Access: token. 1 model in N ms: tiny-chat.",
    )
    ok, message = connect(embedding_url, embedding_model="tiny-embed").test_connection()
    assert (ok, message[:20]) == (True, "OK: token accepted. ")
    ok, message = connect(embedding_url).test_connection()
    assert not ok
    assert message.startswith("Token not verified: the service answered 500. ")
    ok, message = connect(chat_url, chat_model="tiny-chats").test_connection()
    assert not ok
    assert message.startswith("Failed: model not found: tiny-chats (the chat model). Did you mean tiny-chat?")


def test_test_button_with_a_wrong_token(connect: Any, chat_url: str) -> None:
    ok, message = connect(chat_url, token="llama-token-9876543210").test_connection()
    assert not ok
    assert message.startswith("Failed: token refused (401 Unauthorized). ")
    assert "says: Invalid API Key. Check 'API token' in the connection" in message


DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)

with DAG("llama", start_date=datetime(2024, 1, 1), schedule=None):
    ask = OVHCloudAIEndpointsChatOperator(task_id="ask", model="tiny-chat", messages={messages})
    embed = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed", ovh_conn_id="vectors", input=["the dog " + str(i) for i in range(60)]
    )
    ask >> embed
"""


def test_operators(connect: Any, chat_url: str, embedding_url: str, run_dag: Any, xcom: Any) -> None:
    connect(chat_url)
    connect(embedding_url, conn_id="vectors", embedding_model="tiny-embed")
    run = run_dag(DAG.format(messages=ASK))
    assert run.state == "success"
    assert xcom(run, "ask")["choices"][0]["message"]["content"].strip() == ANSWER
    vectors = xcom(run, "embed")["data"]
    assert [item["index"] for item in vectors] == list(range(60))
    assert {len(item["embedding"]) for item in vectors} == {32}
