"""
The error for an input names its field, its value (cut, and never a likely token) and the allowed values.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.settings import clean_base_url
from apache_airflow_provider_ovhcloud_ai.compat import AirflowException
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from apache_airflow_provider_ovhcloud_ai.connection.reader import read_settings
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, PartialFailureError
from apache_airflow_provider_ovhcloud_ai.validation import quote
from support import leaks
from support.operator_cases import OPERATORS, build_operator, make_context

pytestmark = pytest.mark.usefixtures("ovh_ai_endpoints_connection")

LONG_VALUE = "wrong value " * 30
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

REJECTING = [(name, parameter) for name, case in OPERATORS.items() for parameter in case.rejects.split()]
STRINGS = [(name, parameter) for name, case in OPERATORS.items() for parameter in case.strings.split()]


def refusal(folder: Path, name: str, parameter: str, value: Any) -> str:
    """
    The sentence with which an operator refuses a value of a parameter.
    """
    leaks.prepare(folder)
    options = {"output_path": str(folder / "out")} if parameter in {"output_format", "part_size"} else {}
    operator = build_operator(name, folder, to_files=False, **options, **{parameter: value})
    with pytest.raises((ConfigurationError, PartialFailureError)) as refused:
        operator.execute(make_context())
    assert isinstance(refused.value, AirflowException)
    return str(refused.value)


def check(sentence: str, field: str, value: Any) -> None:
    assert re.search(rf"\b{re.escape(field)}\b", sentence), sentence
    quoted = quote(value).removesuffix("...'")
    assert quoted[:19] in sentence or f"type {type(value).__name__}" in sentence, (quoted, sentence)
    assert ALLOWED.search(sentence), sentence
    assert LONG_VALUE not in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize(("name", "parameter"), REJECTING + STRINGS)
def test_a_number_in_the_wrong_place(name: str, parameter: str, tmp_path: Path) -> None:
    wrong = -1 if parameter in {"timeout", "max_cost", "part_size", "temperature", "poll_interval"} else 7.5
    check(refusal(tmp_path, name, parameter, wrong), parameter, wrong)


@pytest.mark.parametrize(("name", "parameter"), REJECTING)
def test_a_long_text_in_the_wrong_place(name: str, parameter: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, name, parameter, LONG_VALUE), parameter, LONG_VALUE)


@pytest.mark.parametrize("name", ["BulkChatOperator", "EmbeddingOperator"])
def test_a_path_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    check(refusal(tmp_path, name, "output_path", LONG_VALUE), "output_path", LONG_VALUE)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    ("name", "parameter"),
    [("ChatOperator", "ovh_conn_id"), *(each for each in REJECTING if each[0] in {"ChatOperator", "ImageOperator"})],
)
def test_a_token_in_the_wrong_place_is_not_quoted(name: str, parameter: str, token: str, tmp_path: Path) -> None:
    assert not quotes_token(token, refusal(tmp_path, name, parameter, token))


def quotes_token(token: str, sentence: str) -> bool:
    """
    Return whether a sentence quotes ten characters in a row of a token.
    """
    return any(token[at : at + 10] in sentence for at in range(len(token) - 9))


WRONG_EXTRAS = {
    "access": (LONG_VALUE, 7.5),
    "chat_model": (7.5, ["a"]),
    "embedding_model": (7.5, {"a": 1}),
    "timeout": (LONG_VALUE, -1, [1]),
    "max_retries": (LONG_VALUE, 7.5, 10**400),
    "requests_per_minute": (LONG_VALUE, 0.5, True),
    "ca_bundle": (7.5, "/nowhere/" + LONG_VALUE),
    "allow_http": (LONG_VALUE, 7.5),
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
def test_a_token_in_an_extra_is_not_quoted(name: str, token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_settings(connected(extra=json.dumps({name: token})))
    assert not quotes_token(token, str(refused.value))


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
def test_a_token_in_the_base_url_is_not_quoted(typed: str, token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        clean_base_url(typed.format(token))
    sentence = str(refused.value)
    assert not quotes_token(token.lower(), sentence.lower())
    assert "base URL" in sentence


@pytest.mark.parametrize(
    ("typed", "port", "field", "quoted"),
    [
        ("ftp://service.example", None, "base URL", "'ftp://'"),
        ("https://ser vice.example", None, "base URL", "'https://ser vice.example'"),
        ("https://service.example:99999", None, "base URL", "'https://service.example'"),
        ("https://service.example?x=1", None, "base URL", "'https://service.example'"),
        ("https://" + "a" * 64 + ".example", None, "base URL", "'https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"),
        ("https://" + "a." * 130 + "example", None, "base URL", "'https://a.a.a.a.a.a.a.a.a.a.a.a.a.a.a...'"),
        ("service.example", 70_000, "Port", "70000"),
        ("service.example", LONG_VALUE, "Port", quote(LONG_VALUE)),
    ],
)
def test_a_base_url(typed: str, port: Any, field: str, quoted: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        clean_base_url(typed, port)
    sentence = str(refused.value)
    assert (field in sentence, quoted in sentence) == (True, True), sentence
    assert ALLOWED.search(sentence)
    assert len(sentence) < 300


WRONG_MESSAGES: tuple[tuple[Any, str, Any], ...] = (
    (LONG_VALUE, "messages", LONG_VALUE),
    ({"role": "user"}, "messages", {}),
    ([LONG_VALUE], "messages[0]", LONG_VALUE),
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
    assert LONG_VALUE not in sentence
    assert value is None or quote(value).removesuffix("...'") in sentence
