"""
``@task.ovh_chat``: a function returns a prompt, and the task sends it to a language model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from ..operators.chat import OVHCloudAIEndpointsChatOperator
from ._base import FunctionOperator, decorate, is_text

if TYPE_CHECKING:
    from typing import Unpack

    from ..compat import Task
    from .parameters import ChatParameters

P = ParamSpec("P")
Prompt = TypeVar("Prompt", bound="str | Sequence[Mapping[str, Any]]")


class ChatFunctionOperator(FunctionOperator, OVHCloudAIEndpointsChatOperator):
    """
    Send a function's return value to a language model.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param python_callable: the function
    :param op_args: positional arguments of the function
    :param op_kwargs: keyword arguments of the function
    :param kwargs: parameters of :class:`..operators.chat.OVHCloudAIEndpointsChatOperator`
    """

    custom_operator_name = "@task.ovh_chat"
    fields_from_function: ClassVar[tuple[str, ...]] = ("messages", "prompt", "prompt_file")
    template_fields = (
        *FunctionOperator.template_fields,
        *OVHCloudAIEndpointsChatOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **FunctionOperator.template_fields_renderers,
        **OVHCloudAIEndpointsChatOperator.template_fields_renderers,
    }

    def use_return_value(self, returned: Any) -> None:
        """
        Assign a prompt or messages.

        :param returned: the function's return value
        :raises ConfigurationError: if it is neither
        """
        if is_text(returned):
            self.prompt = returned
        elif isinstance(returned, list | tuple) and returned and all(isinstance(item, Mapping) for item in returned):
            self.messages = returned
        else:
            raise self.wrong(returned, "a text, or messages: a list of dictionaries with 'role' and 'content'")


@overload
def ovh_chat(python_callable: Callable[P, Prompt], /) -> Task[P, Prompt]: ...


@overload
def ovh_chat(**parameters: Unpack[ChatParameters]) -> Callable[[Callable[P, Prompt]], Task[P, Prompt]]: ...


def ovh_chat(python_callable: Callable[..., Any] | None = None, /, **parameters: Any) -> Any:
    """
    Make a task that sends the function's return value, a prompt or messages, to a language model.

    This is ``@task.ovh_chat`` under a name that type checkers know.

    :param python_callable: the function
    :param parameters: those of :class:`..operators.chat.OVHCloudAIEndpointsChatOperator` except
        ``messages``, ``prompt`` and ``prompt_file``
    :return: the task, or a decorator that makes one
    """
    return decorate(ChatFunctionOperator, python_callable, parameters)
