"""
The output of batches, read by the id of each request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import BadRequestError, InvalidResponseError
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_answers import (
    Answers,
    build_error,
    find_failure,
    read_status,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import Make, stored

pytestmark = pytest.mark.airflow

GOOD, BAD = {"choices": []}, {"error": {"message": "as ordered"}}


def respond(custom_id: str, status: Any = 200, body: Any = GOOD) -> dict[str, Any]:
    return {"custom_id": custom_id, "response": {"status_code": status, "body": body}, "error": None}


@pytest.fixture
def answers(hook_for: Make, sandbox: Sandbox) -> Iterator[Callable[..., Answers]]:
    """A batch whose files are in the sandbox, and what is read of them."""
    hook = hook_for(stored(sandbox))
    files = sandbox._service._routes[-1].endpoint.__self__._files
    with Answers(hook) as answers:

        def add(output: list[Any] | bytes = b"", errors: list[Any] | bytes = b"", status: str = "completed") -> Answers:
            batch = {"id": "batch-1", "status": status}
            for name, lines in (("output_file_id", output), ("error_file_id", errors)):
                content = (
                    lines if isinstance(lines, bytes) else b"".join(json.dumps(one).encode() + b"\n" for one in lines)
                )
                if content:
                    batch[name] = files.add("f.jsonl", "batch_output", content).id
            answers.add(batch)
            return answers

        yield add


def test_each_request_has_its_line(answers: Any) -> None:
    lines = [respond(f"row-{number:016x}", body={"n": number}) for number in range(300)]
    output = answers(lines[::-1])
    assert all(output.get(line["custom_id"]) == line for line in lines)
    assert output.get("row-x") is None


def test_ids_of_older_versions_have_the_number_of_the_row_in_front(answers: Any) -> None:
    output = answers([respond("7-0123456789abcdef")])
    assert output.get("row-0123456789abcdef") == respond("7-0123456789abcdef")
    assert output.get("19-0123456789abcdef") is not None


@pytest.mark.parametrize("order", [1, -1])
def test_an_answer_takes_precedence_over_an_error(answers: Any, order: int) -> None:
    batches = [([respond("row-a")], b""), (b"", [respond("row-a", 500, BAD)])][::order]
    for output, errors in batches:
        read = answers(output, errors)
    assert read.get("row-a") == respond("row-a")


def test_the_first_of_two_lines_counts(answers: Any) -> None:
    assert answers([respond("row-a", body={"n": 1}), respond("row-a", body={"n": 2})]).get("row-a")["response"][
        "body"
    ] == {"n": 1}


def test_empty_lines_and_the_last_one_without_its_end_are_read(answers: Any) -> None:
    data = b"\n" + json.dumps(respond("row-a")).encode() + b"\n\n" + json.dumps(respond("row-b")).encode()
    output = answers(data)
    assert (output.get("row-a"), output.get("row-b")) == (respond("row-a"), respond("row-b"))


@pytest.mark.parametrize("data", [b"{", b"[]\n", b'{"custom_id": "row-a"\n'])
def test_a_damaged_file_is_an_error(answers: Any, data: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        answers(data)


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (None, "The batch batch-1 failed before it began: no reason is given."),
        ({"data": []}, "no reason is given"),
        ({"data": ["odd"]}, "no reason is given"),
        ({"data": [{"message": "bad file"}]}, "failed before it began: bad file."),
        ({"data": [{"line": 7, "message": "bad line"}, {"line": 8}]}, "before it began: line 7: bad line."),
    ],
)
def test_a_batch_that_failed_as_a_whole_is_an_error(hook_for: Make, sandbox: Sandbox, errors: Any, reason: str) -> None:
    with Answers(hook_for(stored(sandbox))) as answers, pytest.raises(BadRequestError) as raised:
        answers.add({"id": "batch-1", "status": "failed", "errors": errors})
    assert reason in str(raised.value)


#: Line -> why it lacks an answer, its status, and whether a retry may help.
LINES: list[tuple[Any, str | None, int | None, bool]] = [
    (None, "The service gave no answer to this row.", None, True),
    (respond("a"), None, 200, False),
    (respond("a", 500, BAD), "500: as ordered", 500, True),
    (respond("a", 429, BAD), "429: as ordered", 429, True),
    (respond("a", 408, BAD), "408: as ordered", 408, True),
    (respond("a", 400, BAD), "400: as ordered", 400, False),
    (respond("a", 422, {"error": "text"}), "422: text", 422, False),
    (respond("a", 400, {"message": "flat"}), "400: flat", 400, False),
    (respond("a", 404, "text"), "404: text", 404, False),
    (respond("a", 200, "no object"), "200: no object", 200, False),
    ({"custom_id": "a", "response": None, "error": {"code": "batch_expired", "message": "late"}}, "late", None, True),
    ({"custom_id": "a", "error": "late"}, "late", None, True),
    ({"custom_id": "a"}, "no reason is given", None, True),
    (respond("a", "200"), None, 200, False),
    (respond("a", "400", BAD), "400: as ordered", 400, False),
    # An error within a success.
    (respond("a", 200, {"error": {"message": "slow down", "code": 429}}), "429: slow down", 429, True),
    (respond("a", 200, {"error": {"message": "no such model", "code": 404}}), "404: no such model", 404, False),
    # The credit is used up.
    (respond("a", 429, {"error": {"message": "pay", "code": "insufficient_quota"}}), "429: pay", 429, False),
    (
        respond("a", 424, {"error": "Request failed during generation"}),
        "424: Request failed during generation",
        424,
        True,
    ),
    (respond("a", 200, {"success": False, "errors": ["odd"]}), "odd", None, True),
]


@pytest.mark.parametrize(("line", "reason", "status", "retryable"), LINES)
def test_reason_of_a_line_without_an_answer(line: Any, reason: str | None, status: Any, retryable: bool) -> None:
    assert (find_failure(line), read_status(line), build_error(line, reason or "").retryable) == (
        reason,
        status,
        retryable,
    )


def test_reasons_are_short_and_hold_no_token(hook_for: Make, sandbox: Sandbox) -> None:
    with Answers(hook_for(stored(sandbox))) as answers:
        for filler in (0, 490, 5_000):
            message = {"error": {"message": "x" * filler + "sandbox-token"}}
            reason = answers.explain_failure(respond("a", 500, message))
            assert reason is not None
            assert len(reason) <= 500
            assert "sandbox" not in reason
