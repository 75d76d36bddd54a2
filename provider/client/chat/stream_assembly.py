"""
Assembles a chat completion from the data of its events. Pure.

Source: OpenAI API reference, "The chat completion chunk object", 2026-05. Services with reasoning models call the text
before the answer ``reasoning`` or ``reasoning_content``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import AIEndpointsError, InvalidResponseError
from ...json_values import clean_text, make_storable
from ..http.json_body import read_json
from .chat_response import find_inner_error, read_content, read_part
from .reasoning import ReasoningFilter

#: Fields by which an event of the completion is known. Some services send others in between.
_OWN_FIELDS = frozenset({"id", "choices", "usage"})

#: Names of the reason why an answer ended, in a choice or its delta.
_FINISH_REASONS = ("finish_reason", "finishReason", "stop_reason", "done_reason")

#: Text fields of a message, which arrive in chunks.
_TEXTS = ("content", "reasoning", "reasoning_content", "refusal")


class StreamedChat:
    """
    Assembles a chat completion from its events.

    :param token: the secret that an error may echo, or None
    :param count: number of choices that were asked for
    """

    def __init__(self, token: str | None = None, count: int = 1) -> None:
        self._token = token
        self._count = count
        self._filter, self._half = ReasoningFilter(), ""
        #: Number of strings and numbers that :meth:`response` replaced, as not every store can hold them.
        self.replaced = 0
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: dict[str, Any] | None = None
        self._is_done = self._usage_is_last = False

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
        Whether each answer has come to its end: a stream that only says ``[DONE]`` may have been broken off.
        """
        ends = [choice.finish_reason is not None or choice.is_whole for choice in self._choices.values()]
        return bool(ends) and all(ends)

    @property
    def ended(self) -> bool:
        """
        Whether nothing that belongs to the response can follow.
        """
        return self._is_done or (self.complete and self._usage_is_last and len(self._choices) == self._count)

    def take(self, data: str) -> str:
        """
        Add an event.

        :param data: its data
        :return: the text that it adds to the first answer, without reasoning in tags
        :raises InvalidResponseError: if it isn't a JSON object, or reports an error
        :raises APIStatusError: if it reports an error with an HTTP status
        """
        if data.strip() == "[DONE]":
            self._is_done = True
            return ""
        _, event = read_json(data.encode())
        if not isinstance(event, dict):
            raise InvalidResponseError("The stream of the chat completion holds something that is no JSON object.")
        parts = event.get("choices")
        choices = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        for value in (event, *choices):
            if error := find_inner_error(value, self._token):
                raise error
        # Some services send a finish reason and the usage with each piece of text.
        self._usage_is_last = isinstance(event.get("usage"), dict) and not any(map(_adds_content, choices))
        if _OWN_FIELDS & event.keys():
            self._note(event)
        texts = [(choice.index, choice.take(part)) for choice, part in self._find_choices(choices)]
        return self._clean("".join(text for index, text in texts if index == 0))

    def finish(self) -> str:
        """
        Return the text that was held back, at the end of the events.

        :return: the rest of the text of the first answer
        """
        rest, self._half = self._half, ""
        return str(clean_text(self._filter.feed(rest) + self._filter.finish()))

    def response(self) -> dict[str, Any]:
        """
        Return what has arrived so far as a response.

        :return: a chat completion in OpenAI's format, which every store can hold
        """
        choices = [self._choices[index].whole() for index in sorted(self._choices)]
        response = {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage}
        storable, self.replaced = make_storable(response)
        return dict(storable)

    def _clean(self, text: str) -> str:
        # Half of a surrogate pair waits for the other half, in the next event.
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return str(clean_text(self._filter.feed(text.removesuffix(self._half))))

    def _note(self, event: Mapping[str, Any]) -> None:
        if isinstance(event.get("usage"), dict):
            self._usage = event["usage"]
        fields = {name: value for name, value in event.items() if value is not None}
        self._head.update({name: value for name, value in fields.items() if name not in {"choices", "usage"}})

    def _find_choices(self, parts: list[dict[str, Any]]) -> Iterator[tuple[_Choice, dict[str, Any]]]:
        for part in parts:
            index = part.get("index", 0)
            if type(index) is int:
                yield self._choices.setdefault(index, _Choice(index)), part


def _adds_content(part: Mapping[str, Any]) -> bool:
    delta = part.get("delta") or part.get("message")
    return isinstance(delta, dict) and any(delta.get(name) for name in (*_TEXTS, "tool_calls"))


def iter_until_whole(chat: StreamedChat, events: Iterator[str]) -> Iterator[str]:
    """
    Iterate over events until the answer is whole: what happens to the connection afterwards doesn't matter.

    :param chat: assembles the events; the caller adds each to it
    :param events: data of each event
    :return: the data of each event
    :raises AIEndpointsError: if the stream breaks before the answer is whole
    """
    while not chat.ended:
        try:
            data = next(events, None)
        except AIEndpointsError:
            if chat.complete:
                return
            raise
        if data is None:
            return
        yield data


class _Choice:
    """
    One choice.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.finish_reason: str | None = None
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._calls: list[_Call] = []
        self._others: dict[str, Any] = {}
        #: None if the service doesn't send them.
        self._logprobs: defaultdict[str, list[Any]] | None = None
        self.is_whole = False

    @property
    def begun(self) -> bool:
        return bool(self._calls) or any(map(any, self._texts.values()))

    def take(self, part: Mapping[str, Any]) -> str:
        # A service that doesn't stream sends the whole message.
        delta = part.get("delta") or part.get("message")
        self.is_whole = self.is_whole or isinstance(part.get("message"), dict)
        self.finish_reason = _find_finish_reason(part, delta) or self.finish_reason
        if "logprobs" in part:
            self._take_logprobs(part["logprobs"])
        if not isinstance(delta, dict):
            return ""
        for name, value in delta.items():
            if name == "content" and isinstance(value, list):
                self._take_parts(value)
            elif name in _TEXTS and isinstance(value, str):
                self._texts[name].append(value)
            elif name == "tool_calls" and isinstance(value, list):
                self._take_calls(value)
            elif value is not None and name not in _TEXTS:
                self._others[name] = value
        return read_content(delta.get("content"))

    def _take_parts(self, parts: list[Any]) -> None:
        for is_reasoning, text in map(read_part, parts):
            self._texts["reasoning_content" if is_reasoning else "content"].append(text)

    def _take_logprobs(self, part: Any) -> None:
        if self._logprobs is None:
            self._logprobs = defaultdict(list)
        for name, entries in part.items() if isinstance(part, dict) else ():
            self._logprobs[name] += entries if isinstance(entries, list) else ()

    def _take_calls(self, parts: list[Any]) -> None:
        for position, part in enumerate(parts):
            if isinstance(part, dict):
                index = part.get("index")
                self._find_call(index if type(index) is int else position, part).take(part)

    def _find_call(self, index: int, part: Mapping[str, Any]) -> _Call:
        """
        Find the call that a part continues, or begin another. Some servers give every call the same index.
        """
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        if call is None or call.is_before(part):
            call = _Call(index)
            self._calls.append(call)
        return call

    def whole(self) -> dict[str, Any]:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message = {"role": "assistant", "content": None, **self._others, **texts}
        if self._calls:
            message["content"] = message["content"] or None  # some services begin every message with an empty string
            calls = sorted(self._calls, key=lambda call: call.index)
            message["tool_calls"] = [call.whole() for call in calls]
        logprobs = {} if self._logprobs is None else {"logprobs": dict(self._logprobs) or None}
        return {"index": self.index, "message": message, "finish_reason": self.finish_reason, **logprobs}


def _find_finish_reason(part: Mapping[str, Any], delta: Any) -> str | None:
    for place in (part, delta if isinstance(delta, dict) else {}):
        for name in _FINISH_REASONS:
            reason = place.get(name)
            reason = reason.get("type") if isinstance(reason, dict) else reason
            if isinstance(reason, str) and reason.strip():
                return reason
    return None


class _Call:
    """
    One tool call, whose arguments arrive in chunks.

    :param index: its index in the answer
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self._fields: dict[str, Any] = {}
        self._name: Any = None
        self._arguments: list[str] = []

    def is_before(self, part: Mapping[str, Any]) -> bool:
        """
        Return whether a part begins the next call: it has another id, or a name after complete arguments.
        """
        identifier, own_id = part.get("id"), self._fields.get("id")
        if identifier and own_id:
            return bool(identifier != own_id)
        function = part.get("function")
        return isinstance(function, dict) and bool(function.get("name") and self._name) and self._is_complete()

    def _is_complete(self) -> bool:
        return isinstance(read_json("".join(self._arguments).encode("utf-8", "surrogatepass"))[1], dict)

    def take(self, part: Mapping[str, Any]) -> None:
        for name in ("id", "type"):
            if part.get(name):
                self._fields.setdefault(name, part[name])
        function = part.get("function")
        if isinstance(function, dict):
            self._name = self._name or function.get("name")
            self._take_arguments(function.get("arguments"))

    def _take_arguments(self, arguments: Any) -> None:
        if isinstance(arguments, str):
            self._arguments.append(arguments)
        elif arguments is not None:  # the object itself
            self._arguments.append(json.dumps(arguments, ensure_ascii=False))

    def whole(self) -> dict[str, Any]:
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        return {"id": None, "type": "function", **self._fields, "function": function}
