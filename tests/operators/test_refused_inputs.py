"""
A refused input is told by its field, its value (cut, and never what may be a token) and what is allowed instead.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.settings import clean_base_url
from apache_airflow_provider_ovhcloud_ai.compat import AirflowException
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from apache_airflow_provider_ovhcloud_ai.connection.reader import read_settings
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, PartialFailureError
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from apache_airflow_provider_ovhcloud_ai.validation import quote
from support.audio_samples import wav

pytestmark = pytest.mark.usefixtures("ovh_ai_endpoints_connection")

LONG = "wrong value " * 30
#: What people paste into the wrong field: the service's tokens, OpenAI's, and a plain one.
TOKENS = (
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJwcm9qZWN0IjoiNGYyYzFkM2UiLCJyb2xlcyI6WyJhIl0sImV4cCI6MTc5MDAwMDAwMH0."
    "c2lnbmF0dXJlOTg3NjU0MzIx",
    "sk-proj-9fK2mQ7xV4tZ8wLr3NcB6yHd1sGjP5aE",
    "0f3a9b7c2d1e4f5061728394a5b6c7d8e9f00112",
    "Bearer abc def",
)

#: What says how it must be.
ALLOWED = re.compile(
    r"must (be|have|end|hold|begin|name) |of the form|needs |takes \d|is one of|give at least|name (it|a|the) |"
    r"create it under"
)

CHAT = {"model": "gpt-oss-20b", "prompt": "Hi"}
ROWS = {"model": "gpt-oss-20b", "rows": ["a"], "prompt": "{text}"}
SAID = {"text": "a", "on_unsafe": "return"}
EMBEDDED = {"model": "bge-m3", "input": "a"}
ASKED = {"model": "gpt-oss-20b", "input": "a"}

#: Operator -> what works with it, and the parameters that a text as LONG, or 7.5, is no value for.
OPERATORS: dict[str, tuple[dict[str, Any], str]] = {
    "ChatCompletions": (
        CHAT,
        "temperature max_tokens top_p stop fallback_models output response_format tools max_cost max_total_tokens "
        "extra_body timeout max_retries model ovh_conn_id",
    ),
    "BulkChat": (
        ROWS,
        "prompt system_prompt concurrency on_error temperature max_tokens top_p stop max_cost max_total_tokens "
        "extra_body timeout max_retries rows output_format part_size",
    ),
    "Embedding": (EMBEDDED, "input concurrency output_format part_size on_long_text extra_body timeout max_retries"),
    "Guard": (SAID, "text answer unsafe_levels on_unsafe extra_body timeout max_retries"),
    "Image": (
        {"prompt": "a", "output_path": "{folder}/a.png"},
        "prompt n size output_path overwrite extra_body timeout",
    ),
    "Models": ({}, "kind name min_context output timeout max_retries"),
    "Response": (
        ASKED,
        "input instructions output response_format reasoning_effort max_output_tokens temperature top_p extra_body "
        "timeout",
    ),
    "Transcription": (
        {"audio_path": "{folder}/talk.wav"},
        "audio_path output_path language prompt response_format temperature timestamps diarize output extra_body "
        "timeout",
    ),
}
PARAMETERS = [(name, parameter) for name, (_, names) in OPERATORS.items() for parameter in names.split()]

#: What any text is a value of, or a path, whose length is the file system's business; a text of which is fine.
TEXTS = frozenset({"model", "prompt", "system_prompt", "input", "text", "answer", "instructions", "language", "name"})
TEXTS |= {"reasoning_effort", "audio_path", "output_path", "stop", "fallback_models", "ovh_conn_id"}


def refusal(folder: Path, name: str, parameter: str, value: Any) -> str:
    """
    The sentence with which an operator refuses a value of a parameter.
    """
    works, _ = OPERATORS[name]
    works = {key: given.format(folder=folder) if "folder" in str(given) else given for key, given in works.items()}
    if parameter in {"output_format", "part_size"}:
        works["output_path"] = str(folder / "out")
    (folder / "talk.wav").write_bytes(wav(1))
    operator = getattr(ai_endpoints, f"OVHCloudAIEndpoints{name}Operator")(task_id="t", **{**works, parameter: value})
    with pytest.raises((ConfigurationError, PartialFailureError)) as refused:
        operator.execute({"ti": MagicMock()})
    assert isinstance(refused.value, AirflowException)
    return str(refused.value)


def check(sentence: str, field: str, value: Any) -> None:
    assert re.search(rf"\b{re.escape(field)}\b", sentence), sentence
    shown = quote(value).removesuffix("...'")
    assert shown[:19] in sentence or f"type {type(value).__name__}" in sentence, (shown, sentence)
    assert ALLOWED.search(sentence), sentence
    assert LONG not in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_number_in_the_wrong_place(name: str, parameter: str, tmp_path: Path) -> None:
    wrong = -1 if parameter in {"timeout", "max_cost", "part_size", "temperature"} else 7.5
    check(refusal(tmp_path, name, parameter, wrong), parameter, wrong)


@pytest.mark.parametrize(("name", "parameter"), [each for each in PARAMETERS if each[1] not in TEXTS])
def test_a_long_text_in_the_wrong_place(name: str, parameter: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, name, parameter, LONG), parameter, LONG)


@pytest.mark.parametrize(("name", "parameter"), [("BulkChat", "output_path"), ("Embedding", "output_path")])
def test_a_path_that_no_file_can_have(name: str, parameter: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, name, parameter, LONG), parameter, LONG)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    ("name", "parameter"),
    [each for each in PARAMETERS if each[1] not in TEXTS - {"ovh_conn_id"} and each[0] in {"ChatCompletions", "Image"}],
)
def test_a_token_in_the_wrong_place_is_not_told(name: str, parameter: str, token: str, tmp_path: Path) -> None:
    assert not told(token, refusal(tmp_path, name, parameter, token))


def told(token: str, sentence: str) -> bool:
    """
    Whether a sentence shows a part of a token that is worth anything.
    """
    return any(token[at : at + 10] in sentence for at in range(len(token) - 9))


WRONG_EXTRAS = {
    "access": (LONG, 7.5),
    "chat_model": (7.5, ["a"]),
    "embedding_model": (7.5, {"a": 1}),
    "timeout": (LONG, -1, [1]),
    "max_retries": (LONG, 7.5, 10**400),
    "requests_per_minute": (LONG, 0.5, True),
    "ca_bundle": (7.5, "/nowhere/" + LONG),
    "allow_http": (LONG, 7.5),
    "project_id": (7.5, [1]),
}


def connected(**fields: Any) -> Any:
    stored = {"conn_id": "c", "conn_type": "ovh_ai_endpoints", "host": "", "port": None, "schema": "", "password": "t"}
    return SimpleNamespace(**{**stored, "extra": "{}", **fields})


def test_every_extra_has_its_wrong_values() -> None:
    assert {each.name for each in FIELDS} == set(WRONG_EXTRAS)


@pytest.mark.parametrize("name", WRONG_EXTRAS)
def test_an_extra_of_a_connection(name: str) -> None:
    label = next(each.label for each in FIELDS if each.name == name)
    for wrong in WRONG_EXTRAS[name]:
        with pytest.raises(ConfigurationError) as refused:
            read_settings(connected(extra=json.dumps({name: wrong})))
        sentence = str(refused.value)
        if name == "ca_bundle" and isinstance(wrong, str):
            assert re.match(
                r"The CA bundle '/nowhere/wrong value.*\.\.\.' does not exist on this machine: correct", sentence
            )
        else:
            check(sentence, label, wrong)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("name", sorted(WRONG_EXTRAS.keys() - {"chat_model", "embedding_model", "project_id"}))
def test_a_token_in_an_extra_is_not_told(name: str, token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_settings(connected(extra=json.dumps({name: token})))
    assert not told(token, str(refused.value))


@pytest.mark.parametrize("token", TOKENS[:3])
@pytest.mark.parametrize(
    "typed",
    [
        "https://user:{}@service.example/v1",
        "https://{}@service.example",
        "user:{}",
        "https://user:{}",
        "https://service.example/v1?token={}",
        "https://service.example/v1#{}",
        "service.example:{}",
        "Bearer {}",
        "{}\n",
        "{}://service.example",
        "http://service.example/{}",
        "https://ser vice.example/{}",
    ],
)
def test_a_token_in_the_base_url_is_not_told(typed: str, token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        clean_base_url(typed.format(token))
    sentence = str(refused.value)
    assert not told(token.lower(), sentence.lower())
    assert "base URL" in sentence


@pytest.mark.parametrize(
    ("typed", "port", "field", "shown"),
    [
        ("ftp://service.example", None, "base URL", "'ftp://'"),
        ("https://ser vice.example", None, "base URL", "'https://ser vice.example'"),
        ("https://service.example:99999", None, "base URL", "'https://service.example'"),
        ("https://service.example?x=1", None, "base URL", "'https://service.example'"),
        ("https://" + "a" * 64 + ".example", None, "base URL", "'https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"),
        ("https://" + "a." * 130 + "example", None, "base URL", "'https://a.a.a.a.a.a.a.a.a.a.a.a.a.a.a...'"),
        ("service.example", 70_000, "Port", "70000"),
        ("service.example", LONG, "Port", quote(LONG)),
    ],
)
def test_a_base_url(typed: str, port: Any, field: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        clean_base_url(typed, port)
    sentence = str(refused.value)
    assert (field in sentence, shown in sentence) == (True, True), sentence
    assert ALLOWED.search(sentence)
    assert len(sentence) < 300


WRONG_MESSAGES: tuple[tuple[Any, str, Any], ...] = (
    (LONG, "messages", LONG),
    ({"role": "user"}, "messages", {}),
    ([LONG], "messages[0]", LONG),
    ([{"content": "a"}], "messages[0]", None),
    ([{"role": "nobody", "content": "a"}], "messages[0]", "nobody"),
    ([{"role": "user", "content": "a"}, {"role": "user", "content": 7.5}], "messages[1]", 7.5),
    ([{"role": "tool", "content": "a"}], "messages[0]", "tool"),
    ([{"role": "user", "content": []}], "messages[0]", None),
)


@pytest.mark.parametrize(("messages", "field", "value"), WRONG_MESSAGES)
def test_messages(messages: Any, field: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        chat_request.chat("m", messages)
    sentence = str(refused.value)
    assert sentence.startswith(f"{field} ")
    assert ALLOWED.search(sentence)
    assert LONG not in sentence
    assert value is None or quote(value).removesuffix("...'") in sentence
