"""
Counts of rows, and the lines that report them.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.progress import Progress, format_line
from support.saved_connections import MODEL, Make, stored
from support.services import ServiceRequest, ServiceResponse, running

LOG = logging.getLogger(__name__)


@pytest.mark.parametrize(
    ("counts", "usage", "total", "seconds", "rate", "line"),
    [
        ({}, Usage(), 10, 0.0, None, "0 of 10 done, 0 failed, 0 a minute, 0 tokens in, 0 out"),
        (
            {"done": 100},
            Usage(100, 5_000, 70),
            1_000,
            15.0,
            None,
            "100 of 1,000 done, 0 failed, 400 a minute, 5,000 tokens in, 70 out, about 2 min left",
        ),
        (
            {"done": 200, "reused": 300, "duplicate": 100},
            Usage(),
            1_000,
            6.0,
            40.0,
            "200 of 1,000 done, 300 already done, 100 equal to another, 0 failed, 2,000 a minute, 0 tokens in, "
            "0 out, about 10 min left",
        ),
        (
            {"done": 1},
            Usage(),
            1_000,
            30.0,
            400.0,
            "1 of 1,000 done, 0 failed, 2 a minute, 0 tokens in, 0 out, about 8.3 h left",
        ),
        ({"done": 3, "failed": 1}, Usage(), None, 60.0, None, "3 done, 1 failed, 4 a minute, 0 tokens in, 0 out"),
        (
            {"done": 9, "failed": 1},
            Usage(),
            10,
            60.0,
            None,
            "9 of 10 done, 1 failed, 10 a minute, 0 tokens in, 0 out",
        ),
    ],
)
def test_line_has_counts_and_the_time_that_the_rate_limit_allows(
    counts: dict[str, int], usage: Usage, total: int | None, seconds: float, rate: float | None, line: str
) -> None:
    assert format_line(counts, usage, total, seconds, rate) == line


class Lines:
    """A logger that reports how many lines it got."""

    def __init__(self, count: int) -> None:
        self.lines: list[str] = []
        self.enough = threading.Event()
        self._count = count

    def info(self, message: str, *args: object) -> None:
        self.lines.append(message % args)
        if len(self.lines) == self._count:
            self.enough.set()


def test_a_line_every_while_and_one_at_the_end() -> None:
    log = Lines(3)
    with Progress(log, "Work", 8, every=0.01) as progress:
        progress.add(done=7, failed=1)
        progress.add_usage(Usage(8, 14, 15, 29))
        assert log.enough.wait(30)
    *during, last = log.lines
    assert all(line.startswith("Work: ") and ": ended" not in line for line in during)
    assert during[-1].startswith("Work: 7 of 8 done, 1 failed, ")
    assert re.fullmatch(r"Work: ended after \d+ s: 7 of 8 done, 1 failed, [\d,]+ a minute, 14 tokens in, 15 out", last)


def test_no_thread_is_left_after_an_error() -> None:
    with pytest.raises(KeyError), Progress(Lines(0), "Work"):
        raise KeyError
    assert "ai-endpoints-progress" not in {thread.name for thread in threading.enumerate()}


def test_counts_of_several_threads_add_up() -> None:
    progress = Progress(LOG, "")

    def count() -> None:
        for _ in range(1_000):
            progress.add(done=1, duplicate=2)
            progress.add_usage(Usage(1, 2))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress.counts == {"done": 8_000, "duplicate": 16_000}
    assert progress.usage == Usage(8_000, 16_000)


def test_summary_has_the_fields_of_a_manifest() -> None:
    progress = Progress(LOG, "")
    progress.add(done=1, failed=2, reused=3, duplicate=4)
    progress.add_usage(Usage(5, 6, 7, 13))
    assert progress.summary == {
        "rows_reused": 3,
        "rows_duplicate": 4,
        "usage": {"requests": 5, "input_tokens": 6, "output_tokens": 7, "total_tokens": 13},
    }


@pytest.mark.airflow
def test_a_task_of_many_prompts_logs_its_progress_and_no_line_for_each(hook_for: Make, ear: Any) -> None:
    def answer(request: ServiceRequest) -> ServiceResponse:
        if request.body["messages"][-1]["content"] == "bad":
            return ServiceResponse(400, {"error": {"message": "as ordered"}})
        choice = {"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
        return ServiceResponse(200, {"object": "chat.completion", "choices": [choice], "usage": usage})

    with running(answer) as service:
        hook = ear.listen(hook_for(stored(service)))
        prompts = [[{"role": "user", "content": text}] for text in ["good"] * 7 + ["bad"]]
        hook.chat_completions(prompts, MODEL, on_error="skip")
    (line,) = ear.lines(f"AI Endpoints chat: model={MODEL}:")
    assert "7 of 8 done, 1 failed, " in line
    assert " a minute, 14 tokens in, 14 out" in line
    assert "input_tokens" not in ear.text
