"""
Messages and rows: whatever an author gives is sent as it is, or refused with a sentence that names the field.
"""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO

from apache_airflow_provider_ovhcloud_ai.client import responses_api
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.chat.prompt_template import fill_template
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, PartialFailureError
from apache_airflow_provider_ovhcloud_ai.hooks.batch import batch_rows
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_answers import Answers, find_failure, is_retryable
from apache_airflow_provider_ovhcloud_ai.rows.part_names import ERROR
from hypothesis import given
from hypothesis import strategies as st
from support.services import settings_for

from .anything import NUMBERS, TEXTS, json_values, objects, outcome
from .test_replies import SHAPES

PART = objects(type=st.sampled_from(["text", "image_url"]), text=TEXTS, image_url=objects(url=TEXTS))
MESSAGE = objects(
    role=st.sampled_from(chat_request.ROLES), content=TEXTS | st.lists(PART, max_size=2), name=TEXTS, tool_call_id=TEXTS
)


@given(st.lists(MESSAGE, max_size=3) | json_values())
def test_messages_are_sent_as_they_are_or_refused_by_name(messages: Any) -> None:
    request = outcome(lambda: chat_request.chat("m", messages), ConfigurationError)
    if isinstance(request, ConfigurationError):
        assert re.match(r"messages(\[\d+\])? ", str(request))
        assert len(str(request)) < 400
        return
    assert json.loads(request.content or b"") == {"model": "m", "messages": messages}
    assert all(message["role"] in chat_request.ROLES for message in messages)


@given(st.lists(MESSAGE | objects(type=TEXTS), max_size=3) | json_values())
def test_an_input_is_sent_as_it_is_or_refused_by_name(said: Any) -> None:
    request = outcome(lambda: responses_api.request("m", said), ConfigurationError)
    if isinstance(request, ConfigurationError):
        assert re.match(r"input(\[\d+\])? ", str(request))
        return
    sent = json.loads(request.content or b"")["input"]
    if isinstance(said, str):
        assert sent == said
    else:
        assert sent == [item if "type" in item else {"type": "message", **item} for item in said]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["temperature", "max_tokens", "top_p", "stop"], json_values())))
def test_an_option_is_sent_or_refused_by_name(options: dict[str, Any]) -> None:
    request = outcome(
        lambda: chat_request.chat("m", [{"role": "user", "content": "Hi"}], **options), ConfigurationError
    )
    if isinstance(request, ConfigurationError):
        assert str(request).split()[0] in options
        return
    body = json.loads(request.content or b"")
    assert 0 <= body.get("temperature", 0) <= 2
    assert 0 <= body.get("top_p", 0) <= 1
    assert type(body.get("max_tokens", 1)) is int
    assert body.get("max_tokens", 1) >= 1
    assert {name for name, value in options.items() if value is not None} == body.keys() - {"model", "messages"}


@given(st.text(), st.dictionaries(st.sampled_from(["a", "b"]), st.text("ab{}"), min_size=2))
def test_a_value_in_a_prompt_is_not_filled_again(text: str, row: dict[str, str]) -> None:
    text = text.replace("{", "").replace("}", "")
    assert fill_template(f"{text}{{a}}|{{b}}|{{{{a}}}}{text}", row) == f"{text}{row['a']}|{row['b']}|{{a}}{text}"


CHOICES = st.lists(st.fixed_dictionaries({"message": json_values()}) | json_values(), max_size=1)
BODY = SHAPES["chat"] | SHAPES["embeddings"] | st.fixed_dictionaries({"choices": CHOICES})
STATUS = st.just(200) | NUMBERS | TEXTS
ANSWER = objects(
    custom_id=TEXTS,
    response=st.fixed_dictionaries({"status_code": STATUS, "body": BODY | json_values()}),
    error=TEXTS | objects(message=TEXTS, code=TEXTS),
)


class OutputFile:
    """
    A hook that has one file, of lines.
    """

    settings = settings_for("https://service.test/v1")

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self._lines = lines

    def save_file(self, file_id: str, file: BinaryIO) -> None:
        file.writelines(json.dumps(line).encode() + b"\n" for line in self._lines)


@given(st.lists(ANSWER.filter(lambda line: isinstance(line, dict)) | st.none(), min_size=1, max_size=3), st.booleans())
def test_a_line_of_a_batch_is_a_result_or_a_reason(answers: list[Any], vectors: bool) -> None:
    rows = [{"text": f"row {number}"} for number in range(len(answers))]
    made = batch_rows.embedding("m", "text", {}) if vectors else batch_rows.chat("m", "{text}", None, {})
    ids = [line.custom_id for line in made.lines(rows)]
    lines = [{**answer, "custom_id": key} for key, answer in zip(ids, answers, strict=True) if answer is not None]
    with Answers(OutputFile(lines)) as found:
        found.add({"status": "completed", "output_file_id": "file-1"})
        results = list(made.collect(rows, found))
    for row, answer, result in zip(rows, answers, results, strict=True):
        value, reason = result[made._column], result[ERROR]
        assert result["text"] == row["text"]
        assert (value is None) == (reason is not None)
        if reason is None:
            assert len(value) if vectors else isinstance(value, str)
        if find_failure(answer) is not None:
            assert reason == find_failure(answer)[:500]
        assert is_retryable(answer) in {True, False}
    failed = [result for result in results if result[ERROR] is not None]
    told = str(outcome(made.check, PartialFailureError))
    assert told.startswith(f"{len(failed)} rows failed; the first one: row ") if failed else told == "None"
    assert all(count >= 0 for count in made.usage.values())
