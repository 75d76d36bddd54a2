"""
Requests that the output of batches answers.
"""

from __future__ import annotations

import base64
import json
import logging
import struct
from collections.abc import Mapping
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.chat.conversation_steps import ChatPlan
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_answers import Answers
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_rows import (
    BatchEmbeddingRows,
    BatchLookup,
    UnansweredRequest,
    iter_unanswered,
)
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_run import build_line
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.answer_list import AnswerList
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.progress import Progress
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.resumable_run import ResumableRun
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.row_plan import Question, Work
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import Make, stored

pytestmark = pytest.mark.airflow

MESSAGES = [{"role": "user", "content": "Where?"}]
LOG = logging.getLogger(__name__)


def request(model: str = "m", **params: Any) -> Any:
    return chat_request.chat(model, MESSAGES, **params)


def build_answers(
    hook_for: Make, sandbox: Sandbox, *outputs: tuple[Mapping[str, Any], int, Any], key: bytes = b""
) -> Answers:
    """Output of a batch: a request's body, its status, and the body of its response."""
    files = sandbox._service._routes[-1].endpoint.__self__._files
    lines = [
        {"custom_id": build_line(body, key).custom_id, "response": {"status_code": status, "body": response}}
        for body, status, response in outputs
    ]
    answers = Answers(hook_for(stored(sandbox)))
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    answers.add(
        {"id": "b", "status": "completed", "output_file_id": files.add("f", "batch_output", content or b"\n").id}
    )
    return answers


def chat(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "model": "m"}


BODY: dict[str, Any] = {"model": "m", "messages": MESSAGES}


class TestLookup:
    def test_request_finds_its_answer(self, hook_for: Make, sandbox: Sandbox) -> None:
        with build_answers(hook_for, sandbox, (BODY, 200, chat("Lyon"))) as answers:
            lookup = BatchLookup(answers)
            lookup.lists_unanswered = True
            assert lookup.send(request(), b"") == chat("Lyon")
            for other, key in ((request("n"), b""), (request(temperature=0), b""), (request(), b"key")):
                with pytest.raises(UnansweredRequest):
                    lookup.send(other, key)

    def test_unanswered_request_is_the_line_to_send(self, hook_for: Make, sandbox: Sandbox) -> None:
        with build_answers(hook_for, sandbox) as answers:
            lookup = BatchLookup(answers)
            lookup.lists_unanswered = True
            for is_first in (True, False):
                with pytest.raises(UnansweredRequest) as raised:
                    lookup.send(request(), b"7", is_first=is_first)
                assert (raised.value.line, raised.value.is_first) == (build_line(BODY, b"7"), is_first)

    def test_without_listing_a_request_without_an_answer_has_failed(self, hook_for: Make, sandbox: Sandbox) -> None:
        with (
            build_answers(hook_for, sandbox) as answers,
            pytest.raises(errors.InvalidResponseError, match="The service gave no answer to this row") as raised,
        ):
            BatchLookup(answers).send(request(), b"")
        assert raised.value.retryable

    @pytest.mark.parametrize(
        ("status", "kind", "retryable"),
        [
            (400, errors.BadRequestError, False),
            (404, errors.NotFoundError, False),
            (408, errors.APIStatusError, True),
            (429, errors.RateLimitError, True),
            (500, errors.APIStatusError, True),
            (200, errors.InvalidResponseError, False),
        ],
    )
    @pytest.mark.parametrize("lists", [True, False])
    def test_failed_request_raises_its_error(
        self, hook_for: Make, sandbox: Sandbox, status: int, kind: type[Exception], retryable: bool, lists: bool
    ) -> None:
        with build_answers(hook_for, sandbox, (BODY, status, "as ordered")) as answers:
            lookup = BatchLookup(answers)
            lookup.lists_unanswered = lists
            with pytest.raises(kind, match=f"{status}: as ordered") as raised:
                lookup.send(request(), b"")
        assert type(raised.value) is kind
        assert isinstance(raised.value, errors.AIEndpointsError)
        assert (raised.value.status, raised.value.retryable) == (status, retryable)

    def test_failed_request_of_an_earlier_try_is_sent_again(self, hook_for: Make, sandbox: Sandbox) -> None:
        with build_answers(hook_for, sandbox, (BODY, 500, "as ordered")) as answers:
            lookup = BatchLookup(answers, ignores_failures=True)
            lookup.lists_unanswered = True
            with pytest.raises(UnansweredRequest):
                lookup.send(request(), b"")
            lookup.lists_unanswered = False
            with pytest.raises(errors.APIStatusError):
                lookup.send(request(), b"")


@pytest.mark.parametrize(("model", "is_same", "is_first"), [("m", True, True), ("n", True, False), ("m", False, False)])
def test_repairs_and_fallbacks_are_no_first_requests(
    hook_for: Make, sandbox: Sandbox, model: str, is_same: bool, is_first: bool
) -> None:
    with build_answers(hook_for, sandbox) as answers:
        lookup = BatchLookup(answers)
        lookup.lists_unanswered = True
        ask = lookup.build_ask(ChatPlan(["m", "n"]), MESSAGES, b"")
        with pytest.raises(UnansweredRequest) as raised:
            ask(model, MESSAGES if is_same else [*MESSAGES, *MESSAGES])
        assert raised.value.is_first is is_first


@pytest.mark.parametrize("response", [{}, {"choices": []}, {"choices": [{}]}])
def test_answer_of_another_shape_is_an_error_that_no_retry_helps(
    hook_for: Make, sandbox: Sandbox, response: Any
) -> None:
    with build_answers(hook_for, sandbox, (BODY, 200, response)) as answers:
        ask = BatchLookup(answers).build_ask(ChatPlan(["m"]), MESSAGES, b"")
        with pytest.raises(errors.InvalidResponseError) as raised:
            ask("m", MESSAGES)
    assert not raised.value.retryable


def build_embedding_rows(answers: Answers) -> tuple[BatchEmbeddingRows, BatchLookup]:
    lookup = BatchLookup(answers)
    return BatchEmbeddingRows(lookup, "m", "text", {}, Progress(LOG, "")), lookup


class TestEmbeddings:
    def find_body(self, answers: Answers, text: str) -> Any:
        plan, lookup = build_embedding_rows(answers)
        lookup.lists_unanswered = True
        with pytest.raises(UnansweredRequest) as raised:
            plan.ask(Work((Question(b"", {"text": text}, 0),)))
        return raised.value.line.body

    @pytest.mark.parametrize(
        "numbers", [[0.5, -1.0], base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()], ids=["list", "base64"]
    )
    def test_a_row_has_its_vector(self, hook_for: Make, sandbox: Sandbox, numbers: Any) -> None:
        with build_answers(hook_for, sandbox) as answers:
            body = self.find_body(answers, "a")
        response = {"data": [{"embedding": numbers}], "model": "served", "usage": {"prompt_tokens": 3}}
        with build_answers(hook_for, sandbox, (body, 200, response)) as answers:
            plan, _ = build_embedding_rows(answers)
            ((name, vector),) = plan.ask(Work((Question(b"", {"text": "a"}, 0),)))[0].items()
        assert (name, list(vector), plan.model) == ("embedding", [0.5, -1.0], "served")
        assert plan.progress.usage.input_tokens == 3

    @pytest.mark.parametrize(
        ("response", "words"),
        [
            ({}, "no vectors for 1 texts"),
            ({"data": []}, "0 vectors for 1 texts"),
            ({"data": [{}]}, "the vector of row 3 is missing"),
            ({"data": [{"embedding": []}]}, "the vector of row 3 is missing"),
            ({"data": [{"embedding": "?"}]}, "the vector of row 3 is not of finite numbers"),
            ({"data": [{"embedding": [None]}]}, "the vector of row 3 is not of finite numbers"),
            ({"data": [{"embedding": [0.5], "index": 9}]}, "vector 0 has a wrong index"),
        ],
    )
    def test_a_response_without_a_vector_is_an_error(
        self, hook_for: Make, sandbox: Sandbox, response: Any, words: str
    ) -> None:
        with build_answers(hook_for, sandbox) as answers:
            body = self.find_body(answers, "a")
        with build_answers(hook_for, sandbox, (body, 200, response)) as answers:
            plan, _ = build_embedding_rows(answers)
            with pytest.raises(errors.InvalidResponseError, match=words) as raised:
                plan.ask(Work((Question(b"", {"text": "a"}, 3),)))
        assert not raised.value.retryable, "it was answered, and billed"

    def test_rows_without_a_vector_are_listed_once(self, hook_for: Make, sandbox: Sandbox) -> None:
        with build_answers(hook_for, sandbox) as answers:
            body = self.find_body(answers, "a")
        output = (body, 200, {"data": [{"embedding": [1.0]}]})
        with build_answers(hook_for, sandbox, output) as answers:
            plan, lookup = build_embedding_rows(answers)
            rows = [{"text": text} for text in "babcb"]
            with ResumableRun(AnswerList(["embedding"]), plan, Progress(LOG, "")) as run:
                texts = [each.line.body["input"] for each in iter_unanswered(run, plan, lookup, rows, 100)]
        assert texts == [["b"], ["c"]]
        assert not lookup.lists_unanswered
