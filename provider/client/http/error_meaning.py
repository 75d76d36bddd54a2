"""
What an error of a service means, if its message says more than its status. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import (
    AIEndpointsError,
    APIStatusError,
    BadRequestError,
    NotFoundError,
    QuotaExceededError,
    for_status,
)

#: The beginning of an error about a missing model.
MISSING_MODEL = "Model not found"


def choose_error_class(status: int, words: str, code: str | None, wait: float | None = None) -> type[APIStatusError]:
    """
    Choose the class for an error of the service: by its status, unless its message says more.

    :param status: an HTTP status of 400 or more
    :param words: the service's message
    :param code: the service's own code, or None
    :param wait: seconds that the service asks to wait, or None
    :return: the class to raise
    """
    if _is_credit_used_up(status, words, code, wait):
        return QuotaExceededError
    if names_missing_model(status, words, code):
        return NotFoundError
    return BadRequestError if is_wrong_kind(status, words) else for_status(status)


#: How services say that the credit is used up, as a code and in words.
_CREDIT_CODES = re.compile(
    r"insufficient_?(quota|balance|credits?|funds)|billing_(hard_limit_reached|not_active)|exceeded_current_quota"
    r"|budget_exceeded|arrearage|credit_balance_too_low|payment_required",
    re.IGNORECASE,
)
_CREDIT_WORDS = re.compile(
    r"insufficient (account )?(balance|credits?|funds|quota)|credit balance is too low"
    r"|(out of|requires more|no) credits?|hard limit has been reached|billing hard limit"
    r"|exceeded your (current quota|monthly included credits)"
    r"|(budget|spend(ing)? limit) has been (exceeded|reached)|reached your specified api usage limits|in arrears",
    re.IGNORECASE,
)
#: A quota of a time, as in Gemini's words about each of its limits.
_PERIOD = re.compile(r"(retry|try again) (in|after)|per[ _-]?(second|minute|hour|day)", re.IGNORECASE)


def _is_credit_used_up(status: int, words: str, code: str | None, wait: float | None) -> bool:
    if status not in {400, 403, 429}:
        return False
    if code and _CREDIT_CODES.match(code):
        return True
    return bool(_CREDIT_WORDS.search(words)) and wait is None and not _PERIOD.search(words)


#: How services say that they don't have a model, as a code and in words; and that they have it, but not for this.
_MISSING_CODES = frozenset({"modelnotfound", "deploymentnotfound", "modelnotfounderror"})
_MISSING_WORDS = re.compile(
    r"invalid model( name|:| id)|unknown model|no such model|not a valid model|model_not_found"
    r"|models? ['\"`]?[\w./:@-]*['\"`]? ?(is |was |could |does |can)?not? (be )?(found|exist|available)",
    re.IGNORECASE,
)
_WRONG_KIND = re.compile(r"not an? (?!valid)\w+([- ]\w+)? model|(does not|doesn't|not) support", re.IGNORECASE)


def is_wrong_kind(status: int, words: str) -> bool:
    """
    Return whether a message says that the service has the model, but not for such requests.

    :param status: status of the response
    :param words: the service's message
    :return: True for 404 with such a message
    """
    return status == 404 and bool(_WRONG_KIND.search(words))


def names_missing_model(status: int, words: str, code: str | None) -> bool:
    """
    Return whether a message says that the service doesn't have the model.

    :param status: status of the response
    :param words: the service's message
    :param code: the service's own code, or None
    :return: False if the path is missing, or if the service has the model, but not for such requests
    """
    if status not in {400, 403, 404, 422}:
        return False
    if (code or "").lower().replace("_", "") in _MISSING_CODES:
        return True
    if _WRONG_KIND.search(words):
        return False
    return is_about_model(words) if status == 404 else status != 403 and bool(_MISSING_WORDS.search(words))


def is_missing_model(error: AIEndpointsError) -> bool:
    """
    Return whether an error says that the service doesn't have the model.

    :param error: the error
    :return: False if the path is missing, or if the service has the model, but not for this request
    """
    if not isinstance(error, NotFoundError):
        return False
    is_named = names_missing_model(error.status or 404, error.detail or "", error.code)
    return is_named or str(error.args[0]).startswith(MISSING_MODEL)


def is_forbidden_model(error: AIEndpointsError) -> bool:
    """
    Return whether an error says that the token may not use the model.

    :param error: the error
    :return: True for 403 with a message about the model
    """
    return error.status == 403 and explain_forbidden(error.detail or "") is FORBIDDEN_MODEL


def is_about_model(words: str) -> bool:
    """
    Return whether a server's message is about the model.

    :param words: the message
    :return: True if it names a model
    """
    return "model" in words.lower()


class Forbidden(NamedTuple):
    """
    Why a response has status 403, if not because of the token.

    :param headline: the reason in a few words, with ``{}`` for the status
    :param remedy: what to do, as a sentence
    """

    headline: str
    remedy: str


FORBIDDEN_PAGE = Forbidden(
    "access refused by a web page ({})",
    "A firewall, a proxy or a login page answers there, not the API. Check the base URL and the network.",
)
FORBIDDEN_PAYMENT = Forbidden(
    "payment method missing ({})", "Add a payment method to the Public Cloud project that the token belongs to."
)
FORBIDDEN_MODEL = Forbidden(
    "model not allowed ({})", "The token may not use this model: choose another, or ask its owner."
)
FORBIDDEN_NETWORK = Forbidden(
    "network not allowed ({})",
    "The service refuses the address or country of this machine: check the network and the proxy.",
)
_FORBIDDEN_WORDS = (
    (re.compile(r"resource tag|payment|billing", re.IGNORECASE), FORBIDDEN_PAYMENT),
    (re.compile(r"\bmodels?\b", re.IGNORECASE), FORBIDDEN_MODEL),
    (re.compile(r"\bip\b|country|region|territor", re.IGNORECASE), FORBIDDEN_NETWORK),
)


def explain_forbidden(words: str, *, is_page: bool = False) -> Forbidden | None:
    """
    Explain a response with status 403 that isn't about the token.

    :param words: the service's message
    :param is_page: whether the response is an HTML page
    :return: the reason and the remedy; None if the token is the likely reason
    """
    if is_page:
        return FORBIDDEN_PAGE
    return next((reason for pattern, reason in _FORBIDDEN_WORDS if pattern.search(words)), None)


#: Words of services about a request that is too long.
_TOO_LONG = (
    *("context length", "context_length", "context window", "context size", "maximum context", "too long", "too_long"),
    *("too many tokens", "reduce the length", "maximum number of tokens", "input tokens", "token limit"),
)


def is_too_long(error: AIEndpointsError) -> bool:
    """
    Return whether a service refused a request because it is too long for the model.

    :param error: the error of the request
    :return: True for 413, and for words about the context length
    """
    if not isinstance(error, BadRequestError):
        return False
    words = f"{error.detail or error.args[0]} {error.code or ''}".lower()
    return error.status == 413 or any(phrase in words for phrase in _TOO_LONG)
