"""
``@task.ovh_bulk_chat``: a function returns rows, and the task asks a language model about each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from ..operators.bulk_chat import OVHCloudAIEndpointsBulkChatOperator
from ._base import RowsFunctionOperator, decorate

if TYPE_CHECKING:
    from typing import Unpack

    from ..compat import Task
    from .parameters import BulkChatParameters

P = ParamSpec("P")
Rows = TypeVar("Rows", bound="Sequence[str | Mapping[str, Any]]")


class BulkChatFunctionOperator(RowsFunctionOperator, OVHCloudAIEndpointsBulkChatOperator):
    """
    Ask a language model about each row that a function returns.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param python_callable: the function
    :param op_args: positional arguments of the function
    :param op_kwargs: keyword arguments of the function
    :param kwargs: parameters of :class:`..operators.bulk_chat.OVHCloudAIEndpointsBulkChatOperator`
    """

    custom_operator_name = "@task.ovh_bulk_chat"
    template_fields = (
        *RowsFunctionOperator.template_fields,
        *OVHCloudAIEndpointsBulkChatOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **RowsFunctionOperator.template_fields_renderers,
        **OVHCloudAIEndpointsBulkChatOperator.template_fields_renderers,
    }


@overload
def ovh_bulk_chat(python_callable: Callable[P, Rows], /) -> Task[P, Rows]: ...


@overload
def ovh_bulk_chat(**parameters: Unpack[BulkChatParameters]) -> Callable[[Callable[P, Rows]], Task[P, Rows]]: ...


def ovh_bulk_chat(python_callable: Callable[..., Any] | None = None, /, **parameters: Any) -> Any:
    """
    Make a task that asks a language model about each row that the function returns.

    This is ``@task.ovh_bulk_chat`` under a name that type checkers know.

    :param python_callable: the function
    :param parameters: those of :class:`..operators.bulk_chat.OVHCloudAIEndpointsBulkChatOperator` except
        ``rows``, ``input_path`` and ``input_format``
    :return: the task, or a decorator that makes one
    """
    return decorate(BulkChatFunctionOperator, python_callable, parameters)
