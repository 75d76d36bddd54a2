"""
Messages and rows: whatever an author gives is sent as it is, or refused with a sentence that names the field.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any, BinaryIO

from apache_airflow_provider_ovhcloud_ai.client import responses_api
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.chat.conversation_steps import ChatPlan
from apache_airflow_provider_ovhcloud_ai.client.chat.prompt_template import RowTemplate, fill_template
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_answers import Answers, build_error, find_failure
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_rows import BatchEmbeddingRows, BatchLookup
from apache_airflow_provider_ovhcloud_ai.hooks.batch.row_batches import RowBatches
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.chat_rows import AnswerColumns, ChatRows
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.failures import Failures
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.progress import Progress
from apache_airflow_provider_ovhcloud_ai.hooks.chat.conversation import Conversation
from apache_airflow_provider_ovhcloud_ai.hooks.usage.usage_tracker import UsageTracker
from apache_airflow_provider_ovhcloud_ai.json_values import make_storable
from hypothesis import given
from hypothesis import strategies as st
from support.services import settings_for

from .anything import NUMBERS, TEXTS, json_values, objects, outcome
from .test_responses import SHAPES

LOG = logging.getLogger(__name__)

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
def test_an_input_is_sent_as_it_is_or_refused_by_name(value: Any) -> None:
    request = outcome(lambda: responses_api.request("m", value), ConfigurationError)
    if isinstance(request, ConfigurationError):
        assert re.match(r"input(\[\d+\])? ", str(request))
        return
    texts = json.loads(request.content or b"")["input"]
    if isinstance(value, str):
        assert texts == value
    else:
        assert texts == [item if "type" in item else {"type": "message", **item} for item in value]


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

    def make_storable(self, value: Any) -> Any:
        return make_storable(value)[0]

    def save_file(self, file_id: str, file: BinaryIO) -> None:
        file.writelines(json.dumps(line).encode() + b"\n" for line in self._lines)


def build_batches(answers: Answers, *, vectors: bool) -> RowBatches:
    lookup, progress = BatchLookup(answers), Progress(LOG, "")

    def start(messages: Any, key: bytes) -> Conversation:
        ask = lookup.build_ask(plan, messages, key)
        return Conversation(ask, messages, plan, usage_tracker=UsageTracker(list), log=LOG)

    plan = ChatPlan(["m"])
    chat = ChatRows(plan, RowTemplate("{text}"), AnswerColumns(), start, progress)
    rows = BatchEmbeddingRows(lookup, "m", "text", {}, progress) if vectors else chat
    rows.has_statuses = True
    return RowBatches(
        rows,
        lookup,
        progress,
        folder=None,
        part_size=10,
        failures=Failures("skip", stops=False),
        budget=UsageTracker(list),
        max_follow_ups=0,
        log=LOG,
    )


@given(st.lists(ANSWER.filter(lambda line: isinstance(line, dict)) | st.none(), min_size=1, max_size=3), st.booleans())
def test_a_line_of_a_batch_is_a_result_or_a_reason(answers: list[Any], vectors: bool) -> None:
    rows = [{"text": f"row {number}"} for number in range(len(answers))]
    with Answers(OutputFile([])) as nothing:
        ids = [line.custom_id for line in build_batches(nothing, vectors=vectors).iter_lines(rows, [], 0)]
    lines = [{**answer, "custom_id": key} for key, answer in zip(ids, answers, strict=True) if answer is not None]
    with Answers(OutputFile(lines)) as output:
        output.add({"status": "completed", "output_file_id": "file-1"})
        summary = build_batches(output, vectors=vectors).collect(rows)
    errors = {error["index"]: error["error"] for error in summary["errors"]}
    for index, (answer, result) in enumerate(zip(answers, summary["results"], strict=True)):
        assert (result is None) == (index in errors)
        if result is not None:
            assert len(result) if vectors else isinstance(result, str)
        reason = find_failure(make_storable(answer)[0])
        if reason is not None:
            assert errors[index] == reason[:500]
        assert build_error(answer, "").retryable in {True, False}
    assert all(count >= 0 for count in summary["usage"].values())
