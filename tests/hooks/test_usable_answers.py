"""
Answers as real servers send them, over a socket: what each verb that asks a language model makes of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsBatchOperator
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.console.views.playground import Trial
from support.saved_connections import HELLO, MODEL, Make, stored
from support.streams import DONE, event

CHAT = "/v1/chat/completions"


def complete(content: Any = "Yes.", finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": content, **fields}
    return {
        "id": "c-1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def to_stream(completion: dict[str, Any]) -> bytes:
    """The same completion as a stream, one event for its content and one for its end."""
    head = {name: value for name, value in completion.items() if name not in {"choices", "usage"}}
    (choice,) = completion["choices"]
    delta = {"index": 0, "delta": choice["message"], "finish_reason": None}
    end = {"delta": {}, **{name: value for name, value in choice.items() if name != "message"}}
    events = [{**head, "choices": [delta]}, {**head, "choices": [end]}, {"choices": [], "usage": completion["usage"]}]
    return b"".join([*map(event, events), DONE])


class Asker:
    """
    Asks one question with each verb of the provider.

    :param hook: hook of a connection to the sandbox
    :param folder: an empty folder
    """

    def __init__(self, hook: OVHCloudAIEndpointsHook, folder: Path) -> None:
        self.hook, self.folder = hook, folder

    def chat_completion(self) -> Any:
        return self.hook.chat_completion(MODEL, HELLO)["choices"][0]["message"]["content"]

    def ask(self) -> Any:
        return self.hook.ask("Hello", MODEL).text

    def ask_stream(self) -> Any:
        return self.hook.ask("Hello", MODEL, stream=True).text

    def stream(self) -> Any:
        return "".join(self.hook.stream_chat_completion(MODEL, HELLO))

    def chat_completions(self) -> Any:
        result = self.hook.chat_completions([HELLO], MODEL, on_error="skip")
        self.fail(result["errors"])
        return result["responses"][0]["choices"][0]["message"]["content"]

    def each_chat_completion(self) -> Any:
        (outcome,) = self.hook.each_chat_completion([HELLO], MODEL)
        return outcome.result()["choices"][0]["message"]["content"]

    def rows(self) -> Any:
        result = self.hook.chat_rows([{"text": "Hello"}], model=MODEL, on_error="skip")
        self.fail(result["errors"])
        return result["answers"][0]

    def folder_rows(self) -> Any:
        manifest = self.hook.chat_rows([{"text": "Hello"}], self.folder / "out", MODEL, on_error="skip")
        (record,) = self.hook.read_rows(manifest)
        self.fail([record] if record["error"] else [])
        return record["answer"]

    def batch(self) -> Any:
        operator = OVHCloudAIEndpointsBatchOperator(
            task_id="t", rows=["Hello"], model=MODEL, ovh_conn_id="stored", on_error="skip", poll_interval=0.01,
            deferrable=False,
        )  # fmt: skip
        ti = MagicMock(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=0)
        result = operator.execute({"ti": ti, "task_instance": ti, "run_id": "r"})
        self.fail(result["errors"])
        return result["results"][0]

    def trial(self) -> Any:
        lines = list(Trial("k", self.hook.settings, "stored", "chat", MODEL, "Hello", 50).lines())
        self.fail([line for line in lines if "error" in line])
        return "".join(line.get("text", "") for line in lines)

    @staticmethod
    def fail(errors: list[dict[str, Any]]) -> None:
        if errors:
            raise AIEndpointsError(errors[0]["error"])


VERBS = (
    "chat_completion",
    "ask",
    "ask_stream",
    "stream",
    "chat_completions",
    "each_chat_completion",
    "rows",
    "folder_rows",
    "batch",
    "trial",
)
#: Verbs that return the service's message unchanged, or can't know its reasoning before its end.
RAW = ("chat_completion", "chat_completions", "each_chat_completion")


@pytest.fixture
def asker(hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> Asker:
    return Asker(hook_for(stored(sandbox), max_retries=0), tmp_path)


@pytest.fixture
def answer_with(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], str], None]:
    """Let the sandbox answer a verb with a completion, as JSON, as a stream, or in a batch's file."""

    def answer(completion: dict[str, Any], verb: str) -> None:
        if verb == "batch":
            batches = sandbox._service._routes[-1].endpoint.__self__  # type: ignore[union-attr]  # the route of batches
            monkeypatch.setattr(batches, "_run", lambda *_: (200, completion))
        elif verb in {"ask_stream", "stream", "trial"}:
            sandbox.fail_next(200, to_stream(completion), {"Content-Type": "text/event-stream"}, path=CHAT)
        else:
            sandbox.fail_next(200, json.dumps(completion).encode(), path=CHAT)

    return answer


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"city": '}}
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
PROVIDER_ERROR = {"code": 502, "message": "Provider returned error"}

UNUSABLE = {
    "withheld": (complete(None, "content_filter"), "A content filter withheld the answer of gpt-oss-20b"),
    "withheld in the middle": (complete("Half a", "content_filter"), "A content filter withheld the answer"),
    "refusal": (complete(None, refusal="I may not."), "gpt-oss-20b refused to answer"),
    "reasoning alone": (complete(None, reasoning_content="Hm."), "has reasoning, but no text (finish_reason 'stop')"),
    "reasoning alone, in tags": (complete("<think>Hm."), "has reasoning, but no text"),
    "reasoning alone, in a part": (complete([THOUGHT]), "has reasoning, but no text"),
    "no text": (complete(None), "has no text (finish_reason 'stop')"),
    "empty text": (complete(""), "has no text"),
    "blank text": (complete(" \n"), "has no text"),
    "empty parts": (complete([]), "has no text"),
    "aborted": (complete("Half a", "abort"), "The service broke off the answer of gpt-oss-20b (finish_reason 'abort')"),
    "failed": (complete("Half a", "error"), "The service broke off the answer"),
    "cut before its first word": (complete("", "length"), "reached its token limit before the first word"),
    "cut in its reasoning": (complete("<think>Hm.", "length"), "reached its token limit before the first word"),
    "cut in a tool call": (complete(None, "length", tool_calls=[CALL]), "within the arguments of a tool call"),
    "error in the choice": (
        {**complete(), "choices": [{**complete("Half a", "error")["choices"][0], "error": PROVIDER_ERROR}]},
        "The service ended its answer with an error: Provider returned error",
    ),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_answer_is_an_error_with_its_reason(asker: Asker, answer_with: Any, verb: str, name: str) -> None:
    completion, words = UNUSABLE[name]
    answer_with(completion, verb)
    with pytest.raises(AIEndpointsError) as caught:
        getattr(asker, verb)()
    assert words in str(caught.value)


USABLE = {
    "text": (complete("Yes."), "Yes."),
    "cut text": (complete("Ye", "length"), "Ye"),
    "another reason": (complete("Yes.", "eos"), "Yes."),
    "parts": (complete([{"type": "text", "text": "Ye"}, {"type": "text", "text": "s."}]), "Yes."),
    "reasoning in tags": (complete("<think>Hm.</think>\n\nYes."), "Yes."),
    "reasoning in a part": (
        complete([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}]),
        "Yes.",
    ),
    "half characters": (complete("\ud83d\ude00 \ud83d"), "\U0001f600 \ufffd"),
    "NUL characters": (complete("a\0b"), "a\ufffdb"),
}


# The sandbox writes its files in UTF-8, which has no half characters.
PAIRS = [(verb, name) for name in USABLE for verb in VERBS if (verb, name) != ("batch", "half characters")]


@pytest.mark.parametrize(("verb", "name"), PAIRS)
def test_usable_answer_is_returned_without_reasoning(asker: Asker, answer_with: Any, verb: str, name: str) -> None:
    completion, text = USABLE[name]
    answer_with(completion, verb)
    answer = getattr(asker, verb)()
    assert answer == (text if verb not in RAW or "char" in name else completion["choices"][0]["message"]["content"])
    json.dumps(answer, ensure_ascii=False).encode()


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in {*RAW, "trial", "stream", "ask_stream"}])
def test_reasoning_whose_template_holds_the_opening_tag(asker: Asker, answer_with: Any, verb: str) -> None:
    answer_with(complete("Hm.\n</think>\n\nYes."), verb)
    assert getattr(asker, verb)() == "Yes."
