"""
Whether to try again, and after how long: decided here once for every driver. Pure.
"""

from __future__ import annotations

from ...errors import AIEndpointsError, APIConnectionError, APIStatusError
from ..settings import ClientSettings
from ..wait_headers import _NOT_PROCESSED
from .http_request import Request

#: Seconds before the second attempt, doubled for each further one up to the last number, where the service names none.
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 8.0


#: The service failed midway; an answer may or may not have been billed.
_FAILED_MIDWAY = frozenset({408, 500, 502})


def pause_before_next(
    error: AIEndpointsError, request: Request, settings: ClientSettings, *, attempt: int, waited: float, jitter: float
) -> float | None:
    """
    Decide whether an attempt is followed by another.

    :param error: how the attempt ended
    :param request: what was sent
    :param settings: how many attempts, and how much waiting, are allowed
    :param attempt: which attempt that was, from 1
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
    if not isinstance(error, APIStatusError):
        return False
    if error.status in _NOT_PROCESSED:
        return True
    if error.status in _FAILED_MIDWAY:
        return repeatable or attempt == 1
    return error.status == 504 and repeatable
