"""
``@task.ovh_guard``: a function returns content, and a guard model checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from ..operators.guard import OVHCloudAIEndpointsGuardOperator
from ._base import FunctionOperator, decorate, is_text

if TYPE_CHECKING:
    from typing import Unpack

    from ..compat import Task
    from .parameters import GuardParameters

P = ParamSpec("P")
Content = TypeVar("Content", bound="str | Mapping[str, str] | Sequence[Mapping[str, Any]]")


class GuardFunctionOperator(FunctionOperator, OVHCloudAIEndpointsGuardOperator):
    """
    Check the content that a function returns with a guard model.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param python_callable: the function
    :param op_args: positional arguments of the function
    :param op_kwargs: keyword arguments of the function
    :param kwargs: parameters of :class:`..operators.guard.OVHCloudAIEndpointsGuardOperator`
    """

    custom_operator_name = "@task.ovh_guard"
    fields_from_function: ClassVar[tuple[str, ...]] = ("text", "answer", "messages")
    template_fields = (
        *FunctionOperator.template_fields,
        *OVHCloudAIEndpointsGuardOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **FunctionOperator.template_fields_renderers,
        **OVHCloudAIEndpointsGuardOperator.template_fields_renderers,
    }

    def use_return_value(self, returned: Any) -> None:
        """
        Set the text to check, the text with its answer, or the messages.

        :param returned: the function's return value
        :raises ConfigurationError: if it is none of them
        """
        self._has_answer = isinstance(returned, Mapping)
        if is_text(returned):
            self.text = returned
        elif isinstance(returned, Mapping) and set(returned) == {"text", "answer"}:
            self.text, self.answer = returned["text"], returned["answer"]
        elif isinstance(returned, list | tuple) and returned and all(isinstance(item, Mapping) for item in returned):
            self.messages = returned
        else:
            raise self.wrong(
                returned, "a text, a dictionary with 'text' and 'answer', or messages: a list of dictionaries"
            )


@overload
def ovh_guard(python_callable: Callable[P, Content], /) -> Task[P, Content]: ...


@overload
def ovh_guard(**parameters: Unpack[GuardParameters]) -> Callable[[Callable[P, Content]], Task[P, Content]]: ...


def ovh_guard(python_callable: Callable[..., Any] | None = None, /, **parameters: Any) -> Any:
    """
    Make a task that checks the content that the function returns with a guard model.

    This is ``@task.ovh_guard`` under a name that type checkers know.

    :param python_callable: the function
    :param parameters: those of :class:`..operators.guard.OVHCloudAIEndpointsGuardOperator` except
        ``text``, ``answer`` and ``messages``
    :return: the task, or a decorator that makes one
    """
    return decorate(GuardFunctionOperator, python_callable, parameters)
