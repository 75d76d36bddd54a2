"""
``@task.ovh_batch``: a function returns rows, and batches answer them within a day at half the price.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from ..operators.batch import OVHCloudAIEndpointsBatchOperator
from ._base import RowsFunctionOperator, decorate

if TYPE_CHECKING:
    from typing import Unpack

    from ..compat import Task
    from .parameters import BatchParameters

P = ParamSpec("P")
Rows = TypeVar("Rows", bound="Sequence[str | Mapping[str, Any]]")


class BatchFunctionOperator(RowsFunctionOperator, OVHCloudAIEndpointsBatchOperator):
    """
    Process the rows that a function returns in batches.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param python_callable: the function
    :param op_args: positional arguments of the function
    :param op_kwargs: keyword arguments of the function
    :param kwargs: parameters of :class:`..operators.batch.OVHCloudAIEndpointsBatchOperator`
    """

    custom_operator_name = "@task.ovh_batch"
    template_fields = (
        *RowsFunctionOperator.template_fields,
        *OVHCloudAIEndpointsBatchOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **RowsFunctionOperator.template_fields_renderers,
        **OVHCloudAIEndpointsBatchOperator.template_fields_renderers,
    }


@overload
def ovh_batch(python_callable: Callable[P, Rows], /) -> Task[P, Rows]: ...


@overload
def ovh_batch(**parameters: Unpack[BatchParameters]) -> Callable[[Callable[P, Rows]], Task[P, Rows]]: ...


def ovh_batch(python_callable: Callable[..., Any] | None = None, /, **parameters: Any) -> Any:
    """
    Make a task that processes the rows that the function returns in batches.

    This is ``@task.ovh_batch`` under a name that type checkers know.

    :param python_callable: the function
    :param parameters: those of :class:`..operators.batch.OVHCloudAIEndpointsBatchOperator` except
        ``rows``, ``input_path`` and ``input_format``
    :return: the task, or a decorator that makes one
    """
    return decorate(BatchFunctionOperator, python_callable, parameters)
