"""
Decides for both drivers whether to make another attempt, and when. Pure.
"""

from __future__ import annotations

from ...errors import AIEndpointsError, APIConnectionError, APIStatusError, QuotaExceededError
from ..settings import ClientSettings
from ..wait_headers import NOT_PROCESSED
from .http_request import Request

#: Default seconds before the second attempt, doubled for each further one, and their maximum.
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 8.0


#: The service failed while processing; an answer may have been billed. 424 is TGI's: the inference failed.
_FAILED_MIDWAY = frozenset({408, 424, 500, 502})

#: A gateway stopped waiting; the service may complete the answer, and bill it.
_GAVE_UP = frozenset({499, 504})


def pause_before_next(
    error: AIEndpointsError, request: Request, settings: ClientSettings, *, attempt: int, waited: float, jitter: float
) -> float | None:
    """
    Decide whether to make another attempt.

    :param error: the error that ended the attempt
    :param request: the request
    :param settings: maximum number of retries, and of seconds between attempts
    :param attempt: number of the attempt, from 1
    :param waited: seconds spent between attempts so far
    :param jitter: a random number from 0 to 1
    :return: seconds to wait, or None to give up
    """
    if attempt > settings.max_retries or not _worth_repeating(error, attempt, request.safe_to_retry):
        return None
    pause = error.retry_after
    if pause is None:
        pause = min(FIRST_PAUSE_S * 2.0 ** (attempt - 1), MAX_PAUSE_S) * (0.5 + jitter / 2)
    return pause if waited + pause <= settings.max_wait else None


def _worth_repeating(error: AIEndpointsError, attempt: int, repeatable: bool) -> bool:
    if isinstance(error, APIConnectionError):
        return repeatable or not error.may_have_been_processed
    if not isinstance(error, APIStatusError) or isinstance(error, QuotaExceededError):
        return False
    if error.status in NOT_PROCESSED:
        return True
    if error.status in _FAILED_MIDWAY:
        return repeatable or attempt == 1
    return error.status in _GAVE_UP and repeatable
