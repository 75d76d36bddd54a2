"""
The errors of this provider as Airflow expects them: an ``AirflowException``, or one that ends the task at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..compat import AirflowException, AirflowFailException
from ..errors import AIEndpointsError

Error = TypeVar("Error", bound=AIEndpointsError)

#: The classes so far, by the error's own class and Airflow's.
_CLASSES: dict[tuple[type[AIEndpointsError], type[Exception]], type[Any]] = {}


@contextmanager
def raise_for_airflow(*, fail_fast: bool = False) -> Iterator[None]:
    """
    Raise an error of this provider as one that Airflow knows.

    :param fail_fast: whether an error that a retry can't help ends the task at once
    """
    try:
        yield
    except AIEndpointsError as error:
        final = to_airflow_error(error, fail_fast=fail_fast)
    else:
        return
    raise final from None


def to_airflow_error(error: Error, *, fail_fast: bool) -> Error:
    """
    Make an error an ``AirflowException`` too, or an ``AirflowFailException`` if the task is to fail at once.

    :param error: any error of this provider
    :param fail_fast: whether an error that a retry can't help ends the task at once
    :return: an equal error of a subclass of both, or the same one if it is that already
    """
    base = AirflowFailException if fail_fast and not error.retryable else AirflowException
    if isinstance(error, base):
        return error
    error_class = next(each for each in type(error).__mro__ if each.__module__ == AIEndpointsError.__module__)
    twin: Error = _restore(error_class, base, error.args, error.__dict__)
    return twin.with_traceback(error.__traceback__)


def _make_class(kind: type[AIEndpointsError], base: type[Exception]) -> type[Any]:
    def reduce(self: AIEndpointsError) -> tuple[Any, ...]:
        return _restore, (kind, base, self.args, self.__dict__)

    if (kind, base) not in _CLASSES:
        body = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__reduce__": reduce}
        _CLASSES[kind, base] = type(kind.__name__, (kind, base), body)
    return _CLASSES[kind, base]


def _restore(kind: type[AIEndpointsError], base: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = _make_class(kind, base)(*args)
    error.__dict__.update(state)
    return error
