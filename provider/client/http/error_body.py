"""
Reads the error in a JSON body: its words, code and status, in the spellings of services and gateways. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...redaction import cut_at_space
from .json_body import read_json

#: Levels of objects within objects that are searched, errors of a list that are quoted, and characters of a string
#: that may be JSON itself.
MAX_LEVELS, MAX_ERRORS, MAX_NESTED_CHARS = 6, 3, 20_000

#: Bytes of a body that may be an error: larger ones are answers.
MAX_ERROR_BYTES = 100_000

#: Characters of a message that are kept: looking for the token in megabytes takes minutes.
MAX_WORDS_CHARS = 50_000

#: Fields that hold the error, or several.
_CONTAINERS = ("error", "errors", "fault")

#: Fields with a message, the most telling first. Spring's ``error`` and RFC 9457's ``title`` only repeat the status.
_MESSAGES = (
    "message",
    "Message",
    "msg",
    "errorMessage",
    "error_message",
    "error_msg",
    "error_description",
    "faultstring",
    "detail",
    "title",
    "reason",
)

#: Fields with a code: a name where there is one, as a number only repeats the status in most services.
_CODES = ("code", "error_code", "errorCode", "type", "status", "__type")

#: Fields with an HTTP status.
_STATUSES = ("status_code", "statusCode", "http_code", "status", "code", "error_code", "errorCode")

#: Fields of a result: with one of them, an object isn't an error by itself.
_RESULTS = ("choices", "data", "output")

#: The fields of RFC 9457, and FastAPI's only one.
_PROBLEM = frozenset({"detail", "title", "type", "status", "instance"})

#: HTTP statuses of errors that only have a name, in lower case and without ``_``, ``error`` and ``exception``.
_STATUS_BY_NAME = {
    "accessdenied": 403,
    "api": 500,
    "authentication": 401,
    "badrequest": 400,
    "contextlengthexceeded": 400,
    "deadlineexceeded": 504,
    "forbidden": 403,
    "insufficientquota": 429,
    "internal": 500,
    "internalserver": 500,
    "invalidapikey": 401,
    "invalidargument": 400,
    "invalidrequest": 400,
    "modelnotfound": 404,
    "notfound": 404,
    "overloaded": 529,
    "permission": 403,
    "permissiondenied": 403,
    "ratelimit": 429,
    "ratelimitexceeded": 429,
    "resourceexhausted": 429,
    "server": 500,
    "serviceunavailable": 503,
    "throttling": 429,
    "toomanyrequests": 429,
    "unauthenticated": 401,
    "unauthorized": 401,
    "unavailable": 503,
}
_PADDING = re.compile(r"[^a-z]|error|exception")


class ErrorFields(NamedTuple):
    """
    The fields of an error in JSON.

    :param words: the service's message, up to :data:`MAX_WORDS_CHARS` long; an empty string without one
    :param code: the service's own code, or None
    :param status: the HTTP status that it names, or None
    """

    words: str
    code: str | None
    status: int | None


def find_error(value: Any) -> ErrorFields | None:
    """
    Find an error in the JSON of a response with a good status, an event, a choice, or a line of a batch.

    An object with a result (``choices``, ``data`` or ``output``) isn't an error. Neither is one with an ``id`` and a
    state of its own, such as a batch.

    :param value: the parsed JSON
    :return: the error's words, code and HTTP status; None if it isn't an error
    """
    if isinstance(value, list):
        # Gemini wraps an error in a list.
        return find_error(value[0]) if len(value) == 1 and isinstance(value[0], dict) else None
    return read_error(value) if isinstance(value, Mapping) and _is_error(value) else None


def find_inner_status(status: int, body: bytes) -> int | None:
    """
    Find the HTTP status of an error in a response with a good status.

    :param status: the status of the response
    :param body: its body
    :return: the status that the error names; None if there isn't an error, or it names none
    """
    if not 200 <= status < 300 or len(body) > MAX_ERROR_BYTES:
        return None
    error = find_error(read_json(body)[1])
    return error.status if error else None


def _is_error(value: Mapping[str, Any]) -> bool:
    if "error" in (value.get("object"), value.get("type")):
        return True
    has_state = value.get("id") and (value.get("object") or value.get("status"))
    if has_state or any(value.get(name) for name in _RESULTS):
        return False
    names = (*_CONTAINERS, "error_code", "errorCode", "error_msg", "error_message", "errorMessage", "__type")
    return (
        any(value.get(name) not in (None, "", 0, "0", [], {}) for name in names)
        or value.get("success") is False
        or value.get("status") == "error"
        or (bool(value.get("detail")) and _PROBLEM.issuperset(value))
        or (_find_status([value]) is not None and any(value.get(name) for name in ("message", "msg", "Message")))
    )


def read_error(value: Any) -> ErrorFields:
    """
    Read the fields of an error.

    :param value: the JSON of an error, of any form
    :return: its words, code and HTTP status
    """
    if isinstance(value, list):
        # Strings at the top aren't an error's words: the connection test must not quote a service's content.
        value = [each for each in value if isinstance(each, Mapping)]
    objects = _list_objects(value)
    words = _find_words(value, MAX_LEVELS)
    return ErrorFields(cut_at_space(words, MAX_WORDS_CHARS), _find_code(objects), _find_status(objects))


def _list_objects(value: Any) -> list[Mapping[str, Any]]:
    """
    Return the objects that describe the error, the innermost first.
    """
    objects: list[Mapping[str, Any]] = []
    for _ in range(MAX_LEVELS):
        if isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, Mapping):
            break
        objects.insert(0, value)
        value = next((value[name] for name in _CONTAINERS if isinstance(value.get(name), (Mapping, list))), None)
    return objects


def _find_words(value: Any, levels: int) -> str:
    if isinstance(value, str):
        return _unwrap(value, levels)
    if not levels or not isinstance(value, (Mapping, list)):
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_describe_item(item, levels - 1) for item in value[:MAX_ERRORS])))
    inner = [value[name] for name in _CONTAINERS if isinstance(value.get(name), (Mapping, list))]
    # FastChat's errors have the text of an answer.
    names = (*_MESSAGES, *_CONTAINERS, *(["text"] if value.get("error_code") else []))
    texts = [value[name] for name in names if value.get(name)]
    words = next(filter(None, (_find_words(each, levels - 1) for each in [*inner, *texts])), "")
    if not words and (fields := [each for each in [*inner, *texts] if each and isinstance(each, (Mapping, list))]):
        words = json.dumps(fields[0], ensure_ascii=False)
    if value.get("title") and words == value.get("detail"):
        return f"{value['title']}: {words}"
    metadata = value.get("metadata")
    # OpenRouter has the words of the service behind it there.
    raw = _find_words(metadata.get("raw"), levels - 1) if isinstance(metadata, Mapping) else ""
    return ": ".join(filter(None, (words, raw)))


def _unwrap(text: str, levels: int) -> str:
    """
    Return the words of a string that is JSON itself, as gateways quote the service behind them.
    """
    if levels and text.lstrip()[:1] in {"{", "["} and len(text) <= MAX_NESTED_CHARS:
        is_json, value = read_json(text.encode("utf-8", "replace"))
        return (is_json and _find_words(value, levels - 1)) or text
    return text


def _describe_item(item: Any, levels: int) -> str:
    # FastAPI's validation errors have locations.
    loc = item.get("loc") if isinstance(item, Mapping) else None
    where = ".".join(map(str, loc)) + ": " if isinstance(loc, list) and loc else ""
    message = item.get("msg") if isinstance(item, Mapping) else None
    return where + (str(message) if type(message) in {int, float} else _find_words(item, levels))


def _find_code(objects: list[Mapping[str, Any]]) -> str | None:
    codes = [each[name] for each in objects[:1] for name in _CODES if _is_code(each.get(name))]
    code = next((code for code in codes if isinstance(code, str) and not code.isdecimal()), None)
    if code is None:
        # An error as a string beside a message may be a code.
        code = next((each["error"] for each in objects if _is_name(each.get("error")) and len(each) > 1), None)
    return str(code if code is not None else codes[0]).rpartition("#")[2] if code or codes else None


def _is_code(value: Any) -> bool:
    return (isinstance(value, str) and value not in {"", "error", "about:blank"}) or type(value) is int


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[a-zA-Z][\w.-]{0,79}", value))


def _is_number(value: str) -> bool:
    return len(value) == 3 and value.isdecimal()


def _find_status(objects: list[Mapping[str, Any]]) -> int | None:
    values = [each[name] for each in objects for name in _STATUSES if name in each]
    numbers = (int(value) for value in values if type(value) is int or (isinstance(value, str) and _is_number(value)))
    status = next((number for number in numbers if 400 <= number <= 599), None)
    if status is None:
        names = [each[name] for each in objects for name in (*_CODES, "error") if isinstance(each.get(name), str)]
        statuses = (_STATUS_BY_NAME.get(_PADDING.sub("", name.rpartition("#")[2].lower())) for name in names)
        status = next(filter(None, statuses), None)
    return status
