"""
The Responses API, without stored responses: builds requests and reads responses. Pure.

Source: AI Endpoints responses guide, 2026-10; OpenAI API reference, "Create a model response", 2026-05.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import defaults
from ..errors import ConfigurationError, InvalidResponseError
from ..redaction import excerpt, scrub
from ..validation import integer, number, quote, text
from .answer_check import Answer, find_fault
from .chat.reasoning import split_reasoning
from .chat.structured_output import ResponseFormat, is_structured
from .http.error_body import read_error
from .http.http_request import Request, encode
from .http.http_response import HTTPResponse, facts
from .settings import ClientSettings

#: Forms in which a response can be returned.
OUTPUTS = ("response", "text", "json")

#: Parameters that need stored responses, which OVHcloud's service doesn't have, and what to do instead.
_STATEFUL = {
    "previous_response_id": "send the whole conversation as input",
    "conversation": "send the whole conversation as input",
    "background": "have many rows answered by the batch operator",
}

#: Names of token counts in a response -> in a chat completion, which the code that adds them up reads.
_TOKENS = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "total_tokens": "total_tokens"}
_DETAILS = {"input_tokens_details": "prompt_tokens_details", "output_tokens_details": "completion_tokens_details"}


def request(
    model: Any,
    items: Any,
    *,
    instructions: Any = None,
    response_format: Any = None,
    reasoning_effort: Any = None,
    max_output_tokens: Any = None,
    temperature: Any = None,
    top_p: Any = None,
    **params: Any,
) -> Request:
    """
    Build the request for a response that isn't stored. Parameters that are None aren't sent.

    :param model: model id
    :param items: a string, or a list of items: messages with ``role`` and ``content``, or the output of an earlier
        response
    :param instructions: system prompt
    :param response_format: as for :class:`.structured_output.ResponseFormat`
    :param reasoning_effort: such as ``low``
    :param max_output_tokens: maximum of generated tokens, including reasoning
    :param temperature: 0 to 2
    :param top_p: 0 to 1
    :param params: any further parameter of the API, sent unchanged
    :return: the request
    :raises ConfigurationError: if an argument is invalid
    """
    _check_further(params)
    body = {
        "model": text(model, "model"),
        "input": _input(items),
        "instructions": None if instructions is None else text(instructions, "instructions"),
        "text": _form(response_format),
        "reasoning": None if reasoning_effort is None else {"effort": text(reasoning_effort, "reasoning_effort")},
        "max_output_tokens": None if max_output_tokens is None else integer(max_output_tokens, "max_output_tokens", 1),
        "temperature": None if temperature is None else number(temperature, "temperature", 0, 2),
        "top_p": None if top_p is None else number(top_p, "top_p", 0, 1),
        # The default of the API is to store a response, which this service can't.
        "store": False,
        **params,
    }
    content = encode(body)
    limit = defaults.MAX_REQUEST_BYTES_IMAGES if b'"input_image"' in content else defaults.MAX_REQUEST_BYTES
    if len(content) > limit:
        raise ConfigurationError(
            f"The request is {len(content):,} bytes; the service accepts {limit:,}: send a shorter input."
        )
    return Request("POST", "/responses", "response", body["model"], content, safe_to_retry=False)


def _check_further(params: Mapping[str, Any]) -> None:
    for name, instead in _STATEFUL.items():
        if params.get(name):
            raise ConfigurationError(f"{name} needs a service that keeps responses, and this one does not: {instead}.")
    if params.get("store"):
        raise ConfigurationError("store=True cannot work: the service keeps no responses. Leave it out.")
    if params.get("stream"):
        raise ConfigurationError(
            "stream=True is not supported here: leave it out. The chat operator shows an answer as it comes."
        )


def _input(items: Any) -> Any:
    if isinstance(items, str):
        return text(items, "input")
    if isinstance(items, Mapping) or not isinstance(items, Sequence):
        raise ConfigurationError(f"input must be a text or a list of items, not {quote(items)}.")
    if not items:
        raise ConfigurationError("input must hold at least one item.")
    return [_item(item, f"input[{position}]") for position, item in enumerate(items)]


def _item(value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where} must be a dictionary, not {quote(value)}.")
    if "type" in value:
        return value
    if not isinstance(value.get("role"), str):
        raise ConfigurationError(f"{where} must have a 'role' and a 'content', or a 'type'.")
    # OpenAI's API accepts it without a type; OVHcloud's doesn't.
    return {"type": "message", **value}


def _form(response_format: Any) -> dict[str, Any] | None:
    if not is_structured(response_format):
        return None
    parameter = ResponseFormat(response_format).parameter
    # The chat API holds a schema one level deeper.
    return {"format": {"type": parameter["type"], **parameter.get("json_schema", {})}}


def check(value: dict[str, Any], response: HTTPResponse, request: Request, settings: ClientSettings) -> dict[str, Any]:
    """
    Check that a response contains an answer or a tool call.

    :param value: the response's JSON
    :param response: the response
    :param request: its request
    :param settings: with the token, which is removed from everything that is quoted
    :return: the same JSON
    :raises InvalidResponseError: if it doesn't have an output, or reports a failure
    :raises OutputTruncatedError: if it was cut before its first word, or in a tool call
    :raises AnswerWithheldError: if the model refused, or a content filter withheld the answer
    :raises InvalidOutputError: if the answer is empty, or the service broke it off
    """
    status = value.get("status")
    if status == "failed":
        message = f"{request.model} failed: {_fault(value, settings.token)}. Try again later, or ask another model."
        raise InvalidResponseError(message, response=value, **facts(response))
    if not isinstance(value.get("output"), list):
        raise InvalidResponseError("The response came back without an 'output'.", **facts(response))
    fault = find_fault(_read_answer(value), request.model, settings.token, "max_output_tokens")
    if fault:
        fault.response, fault.status, fault.request_id = value, response.status, response.request_id
        raise fault
    return value


def _read_answer(response: Mapping[str, Any]) -> Answer:
    items = [item for item in response["output"] if isinstance(item, Mapping)]
    refusals = [part.get("refusal") for part in _parts(response, "refusal")]
    return Answer(
        text=read_text(response),
        finish_reason=read_finish_reason(response),
        calls=[item for item in items if str(item.get("type")).endswith("_call")],
        refusal=next((refusal for refusal in refusals if isinstance(refusal, str) and refusal), None),
        has_reasoning=any(item.get("type") == "reasoning" for item in items) or bool(_split(response)[0]),
    )


def read_finish_reason(response: Mapping[str, Any]) -> str | None:
    """
    Return the reason why a response ended.

    :param response: the response's JSON
    :return: the reason of an incomplete response, such as ``max_output_tokens``; otherwise its status, or None
    """
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    status = response.get("status")
    if status == "incomplete":
        return reason if isinstance(reason, str) and reason else "max_output_tokens"
    return status if isinstance(status, str) else None


def _fault(value: Mapping[str, Any], token: str | None) -> str:
    return excerpt(scrub(read_error(value).words or "it does not say why", token), 300)


def read_text(response: Mapping[str, Any]) -> str:
    """
    Return the text of a response.

    :param response: a checked response
    :return: the text of its messages without reasoning; may be empty
    """
    return _split(response)[1]


def _split(response: Mapping[str, Any]) -> tuple[str, str]:
    """
    Return the reasoning in the text of a response, and the answer.
    """
    texts = (part.get("text") for part in _parts(response, "output_text"))
    return split_reasoning("".join(text for text in texts if isinstance(text, str)))


def _parts(response: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for item in response["output"]:
        content = item.get("content") if isinstance(item, Mapping) and item.get("type") == "message" else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, Mapping) and part.get("type") == kind:
                yield part


def to_chat_usage(response: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a response's usage in the format of a chat completion.

    :param response: a checked response
    :return: ``model`` and ``usage``
    """
    usage = response.get("usage")
    if not isinstance(usage, Mapping):
        return {"model": response.get("model"), "usage": None}
    names = _TOKENS | _DETAILS
    return {
        "model": response.get("model"),
        "usage": {names[name]: value for name, value in usage.items() if name in names},
    }
