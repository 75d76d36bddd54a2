"""
Assembles a chat completion from the data of its events. Pure.

Source: OpenAI API reference, "The chat completion chunk object", 2026-05. Services with reasoning models call the text
before the answer ``reasoning`` or ``reasoning_content``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import InvalidResponseError
from ...redaction import excerpt, scrub
from ..http.json_body import read_json

#: Text fields of a message, which arrive in chunks.
_TEXTS = ("content", "reasoning", "reasoning_content", "refusal")


class StreamedChat:
    """
    Assembles a chat completion from its events.

    :param token: the secret that an error may echo, or None
    """

    def __init__(self, token: str | None = None) -> None:
        self._token = token
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: dict[str, Any] | None = None
        self._is_done = False

    @property
    def model(self) -> str | None:
        """
        The model as the service names it.
        """
        model = self._head.get("model")
        return model if isinstance(model, str) else None

    @property
    def finish_reason(self) -> str | None:
        """
        Why the first answer ended; None until then.
        """
        return self._choices[0].finish_reason if 0 in self._choices else None

    @property
    def usage(self) -> Mapping[str, Any]:
        """
        The token usage; empty until the service reports it.
        """
        return self._usage or {}

    @property
    def begun(self) -> bool:
        """
        Whether any part of an answer has arrived: text, reasoning, or a tool call.
        """
        return any(choice.begun for choice in self._choices.values())

    @property
    def complete(self) -> bool:
        """
        Whether the service has ended the answer.
        """
        reasons = [choice.finish_reason for choice in self._choices.values()]
        return self._is_done or (bool(reasons) and None not in reasons)

    def take(self, data: str) -> str:
        """
        Add an event.

        :param data: its data
        :return: the text that it adds to the first answer
        :raises InvalidResponseError: if it isn't a JSON object, or reports an error
        """
        if data.strip() == "[DONE]":
            self._is_done = True
            return ""
        _, event = read_json(data.encode())
        if not isinstance(event, dict):
            raise InvalidResponseError("The stream of the chat completion holds something that is no JSON object.")
        if event.get("error"):
            error = event["error"]
            message = error.get("message") if isinstance(error, dict) else error
            fault = excerpt(scrub(str(message), self._token))
            raise InvalidResponseError(f"The service ended its answer with an error: {fault}. Try again later.")
        self._note(event)
        texts = [(choice.index, choice.take(part)) for choice, part in self._parts(event)]
        return "".join(text for index, text in texts if index == 0)

    def response(self) -> dict[str, Any]:
        """
        Return what has arrived so far as a response.

        :return: a chat completion in OpenAI's format
        """
        choices = [self._choices[index].whole() for index in sorted(self._choices)]
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage}

    def _note(self, event: Mapping[str, Any]) -> None:
        if isinstance(event.get("usage"), dict):
            self._usage = event["usage"]
        fields = {name: value for name, value in event.items() if value is not None}
        self._head.update({name: value for name, value in fields.items() if name not in {"choices", "usage"}})

    def _parts(self, event: Mapping[str, Any]) -> Iterator[tuple[_Choice, dict[str, Any]]]:
        parts = event.get("choices")
        for part in parts if isinstance(parts, list) else ():
            index = part.get("index", 0) if isinstance(part, dict) else None
            if type(index) is int:
                yield self._choices.setdefault(index, _Choice(index)), part


class _Choice:
    """
    One choice.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.finish_reason: str | None = None
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._calls: dict[int, _Call] = {}
        self._others: dict[str, Any] = {}
        #: None if the service doesn't send them.
        self._logprobs: defaultdict[str, list[Any]] | None = None

    @property
    def begun(self) -> bool:
        return bool(self._calls) or any(map(any, self._texts.values()))

    def take(self, part: Mapping[str, Any]) -> str:
        if isinstance(part.get("finish_reason"), str):
            self.finish_reason = part["finish_reason"]
        if "logprobs" in part:
            self._take_logprobs(part["logprobs"])
        # A service that doesn't stream sends the whole message.
        delta = part.get("delta") or part.get("message")
        if not isinstance(delta, dict):
            return ""
        for name, value in delta.items():
            if name in _TEXTS and isinstance(value, str):
                self._texts[name].append(value)
            elif name == "tool_calls" and isinstance(value, list):
                self._take_calls(value)
            elif value is not None:
                self._others[name] = value
        content = delta.get("content")
        return content if isinstance(content, str) else ""

    def _take_logprobs(self, part: Any) -> None:
        if self._logprobs is None:
            self._logprobs = defaultdict(list)
        for name, entries in part.items() if isinstance(part, dict) else ():
            self._logprobs[name] += entries if isinstance(entries, list) else ()

    def _take_calls(self, parts: list[Any]) -> None:
        for position, part in enumerate(parts):
            if isinstance(part, dict):
                index = part.get("index")
                self._calls.setdefault(index if type(index) is int else position, _Call()).take(part)

    def whole(self) -> dict[str, Any]:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message = {"role": "assistant", "content": None, **self._others, **texts}
        if self._calls:
            message["content"] = message["content"] or None  # some services begin every message with an empty string
            message["tool_calls"] = [self._calls[index].whole() for index in sorted(self._calls)]
        logprobs = {} if self._logprobs is None else {"logprobs": dict(self._logprobs) or None}
        return {"index": self.index, "message": message, "finish_reason": self.finish_reason, **logprobs}


class _Call:
    """
    One tool call, whose arguments arrive in chunks.
    """

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._name: Any = None
        self._arguments: list[str] = []

    def take(self, part: Mapping[str, Any]) -> None:
        for name in ("id", "type"):
            if part.get(name):
                self._fields.setdefault(name, part[name])
        function = part.get("function")
        if isinstance(function, dict):
            self._name = self._name or function.get("name")
            if isinstance(function.get("arguments"), str):
                self._arguments.append(function["arguments"])

    def whole(self) -> dict[str, Any]:
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        return {"id": None, "type": "function", **self._fields, "function": function}
