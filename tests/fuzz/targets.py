"""
What the fuzzer throws bytes at: each target reads them as the client reads what a server sends.

A target raises nothing, whatever it is given: the provider's own errors are taken, and all that must hold of what was
read is asserted. It needs no fuzzer, so that ``test_corpus`` replays what was found once.
"""

from __future__ import annotations

import json
import math
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apache_airflow_provider_ovhcloud_ai.client import responses_api, usage
from apache_airflow_provider_ovhcloud_ai.client.batches import batches_api
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request, chat_response, guard_model
from apache_airflow_provider_ovhcloud_ai.client.chat.reasoning import ReasoningFilter
from apache_airflow_provider_ovhcloud_ai.client.chat.stream_assembly import StreamedChat
from apache_airflow_provider_ovhcloud_ai.client.chat.tool_calls import read_tool_calls
from apache_airflow_provider_ovhcloud_ai.client.embeddings import vectors
from apache_airflow_provider_ovhcloud_ai.client.embeddings.embedder import check_dimensions
from apache_airflow_provider_ovhcloud_ai.client.http import http_response
from apache_airflow_provider_ovhcloud_ai.client.http.error_responses import parse_error
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.http.sse import EventReader
from apache_airflow_provider_ovhcloud_ai.client.media import image_generation, subtitles, transcription
from apache_airflow_provider_ovhcloud_ai.client.models import model_list, prices
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIStatusError,
    InvalidOutputError,
    InvalidResponseError,
    OutputTruncatedError,
    for_status,
)

#: Stands in for the token, so that bytes found at random can hold it.
TOKEN = "fuzz-7f3a9b+to/ken=0123456789"
SETTINGS = ClientSettings(base_url="https://service.example/v1", token=TOKEN)
CHAT = chat_request.chat("gpt-oss-20b", [{"role": "user", "content": "Hi"}])
NOW = 1_790_000_000.0

STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)

#: Characters of any error: some sentences, with what the server said cut.
LONGEST_ERROR = 1_500


def reference_events(stream: bytes) -> list[str]:
    """
    Read a whole event stream as the HTML standard says, one rule after the other.
    """
    text = stream.removeprefix(b"\xef\xbb\xbf")
    events, data = [], None
    *lines, _ = re.split(rb"\r\n|\n|\r", text)
    for line in lines:
        if not line:
            if data is not None:
                events.append(data.removesuffix(b"\n").decode("utf-8", "replace"))
            data = None
        name, _, value = line.partition(b":")
        if name == b"data":
            data = (data or b"") + value.removeprefix(b" ") + b"\n"
    return events


def read_events(pieces: Iterable[bytes]) -> list[str]:
    reader = EventReader()
    return [data for piece in pieces for data in reader.feed(piece)]


def events(data: bytes) -> None:
    """
    An event stream, cut as its first byte says, read to a chat completion.
    """
    step, stream = 1 + data[0] if data else 1, data[1:]
    # A carriage return at the very end waits for what follows it.
    ended = stream + b":"
    expected = reference_events(ended)
    assert read_events([ended]) == expected
    assert read_events(ended[at : at + step] for at in range(0, len(ended), step)) == expected
    chat, text = StreamedChat(TOKEN), ""
    try:
        for event in expected:
            text += chat.take(event)
    except (InvalidResponseError, APIStatusError) as error:
        _check_error(error)
    text += chat.finish()
    response = chat.response()
    encoded = json.dumps(response)
    assert len(encoded) < 1_000 + 100 * len(data), "a stream grew as it was read"
    first = next((each["message"]["content"] for each in response["choices"] if each["index"] == 0), None)
    reasoning = ReasoningFilter()
    assert text == (reasoning.feed(first) + reasoning.finish() if isinstance(first, str) else "")
    if response["choices"]:
        _read_chat(response)


def refusal(data: bytes) -> None:
    """
    An error response: a byte for the status, a line for its headers, and the body.
    """
    line, _, body = data.partition(b"\n")
    status = STATUSES[line[0] % len(STATUSES)] if line else 400
    message = line[1:].decode("latin-1")
    body = body.replace(b"TOKEN", TOKEN.encode())
    headers = {
        "content-type": "application/json",
        "retry-after": message,
        "x-request-id": message,
        "ratelimit-reset": message,
    }
    error = parse_error(HTTPResponse(status, headers, body), CHAT, SETTINGS.base_url, TOKEN, NOW)
    assert type(error) is for_status(status)
    assert error.status == status
    assert error.retry_after is None or (math.isfinite(error.retry_after) and error.retry_after >= 0)
    _check_error(error)
    again = parse_error(HTTPResponse(status, headers, body), CHAT, SETTINGS.base_url, TOKEN, NOW)
    assert str(again) == str(error) == str(pickle.loads(pickle.dumps(error)))


def _check_error(error: AIEndpointsError) -> None:
    texts = [str(error), str(error.code or ""), str(error.request_id or ""), str(error.detail or "")]
    assert all(text.isprintable() and len(text) < LONGEST_ERROR for text in texts), texts
    assert not any(TOKEN.lower() in text.lower() for text in texts), texts
    texts[0].encode()


def response(data: bytes) -> None:
    """
    A successful response: a byte for what it answers, and the body.
    """
    read = READERS[(data[0] if data else 0) % len(READERS)]
    try:
        read(HTTPResponse(200, {"content-type": "application/json"}, data[1:]))
    except (InvalidResponseError, InvalidOutputError, OutputTruncatedError, APIStatusError) as error:
        _check_error(error)


def _object(response: HTTPResponse) -> dict[str, Any]:
    value = http_response.parse(response, CHAT, SETTINGS)
    assert isinstance(value, dict)
    return value


def _chat(response: HTTPResponse) -> None:
    value = chat_response.check_chat(_object(response), response, CHAT, SETTINGS)
    assert all(isinstance(choice["message"], dict) for choice in value["choices"])
    _read_chat(value)


def _read_chat(value: dict[str, Any]) -> None:
    _check_usage(value)
    assert isinstance(chat_response.read_text(value), str)
    assert chat_response.read_reasoning(value) is None or chat_response.read_reasoning(value)
    calls = read_tool_calls(chat_response.find_tool_calls(value))
    assert all(isinstance(json.loads(each.to_message()["function"]["arguments"]), dict) for each in calls)
    assert len({each.id for each in calls}) == len(calls)
    assert chat_response.to_history(value, calls)["role"] == "assistant"
    assert isinstance(chat_response.read_finish_reason(value), str | None)
    try:
        verdict = guard_model.read_verdict(value, HTTPResponse(200, {}, b""), CHAT, {"Unsafe"})
    except (InvalidResponseError, OutputTruncatedError) as error:
        _check_error(error)
    else:
        assert verdict["safe"] == (verdict["safety"] != "Unsafe")


def _check_usage(value: Mapping[str, Any]) -> None:
    total = usage.read_usage(value)
    assert all(0 <= count <= 2 * usage.MAX_TOKENS for count in total.as_dict().values())
    assert total.input_tokens is not None or total.missing_tokens


def _embeddings(response: HTTPResponse) -> None:
    count = 2
    fast = _outcome(lambda: _vectors(vectors.parse_embeddings(response, CHAT, SETTINGS), count, response))
    slow = _outcome(lambda: _vectors(_object(response), count, response))
    # The fast one looks at no text that it does not need: what is no UTF-8 there is none of its business.
    assert fast == slow or response.body != response.body.decode("utf-8", "replace").encode(), "the fast reader differs"


def _vectors(value: dict[str, Any], count: int, response: HTTPResponse) -> list[list[float]]:
    checked = [vectors.raise_error(each) for each in vectors.read_vectors(value, count, response, CHAT)]
    check_dimensions(checked)
    assert len(checked) == count
    assert all(math.isfinite(number) for vector in checked for number in vector)
    return [list(vector) for vector in checked]


def _outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except InvalidResponseError as error:
        _check_error(error)
        return InvalidResponseError


def _models(response: HTTPResponse) -> None:
    for model in model_list.parse_models(response, CHAT, SETTINGS):
        rates = prices.read_pricing(model)
        if rates is not None:
            cost = prices.compute_cost(usage.Usage(1, 7, 5), rates)
            assert 0 <= cost < 13


def _response(response: HTTPResponse) -> None:
    value = responses_api.check(_object(response), response, CHAT, SETTINGS)
    assert isinstance(responses_api.read_text(value), str)
    _check_usage(responses_api.to_chat_usage(value))


def _transcript(response: HTTPResponse) -> None:
    value = transcription.check_transcript(_object(response), response)
    seconds = usage.read_audio_seconds(value)
    assert seconds is None or seconds >= 0
    for write in (subtitles.srt, subtitles.vtt):
        times = re.findall(r"^(\S+) --> (\S+)$", write(value), re.MULTILINE)
        assert all(len(start) >= 12 and len(end) >= 12 for start, end in times)


def _pictures(response: HTTPResponse) -> None:
    result = image_generation.read_images(_object(response), response, image_generation.build_request("sdxl", "A cat"))
    assert len(result.images) == 1


def _batch(response: HTTPResponse) -> None:
    summary = batches_api.summary(batches_api.check(_object(response), "batch", response))
    assert batches_api.describe(summary)


#: What a response may answer, in the order of the first byte of an input.
READERS = (_chat, _embeddings, _models, _response, _transcript, _pictures, _batch)

TARGETS: dict[str, Callable[[bytes], None]] = {"events": events, "refusal": refusal, "response": response}
