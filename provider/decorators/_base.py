"""
What the decorators share: a function says what is sent, once, and an operator sends it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..compat import DecoratedOperator, context_merge, determine_kwargs, task_decorator_factory
from ..errors import ConfigurationError
from ..operators._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context


class FunctionOperator(DecoratedOperator, AIEndpointsOperator):
    """
    Base of the operators behind the decorators.

    What the function returns is assigned after templates were rendered, and is sent as it is: a value that it got from
    another task or a run's configuration may hold braces that nobody here wrote.

    :param python_callable: the function
    :param kwargs: parameters of the operator, and ``op_args`` and ``op_kwargs`` for the function
    """

    # Airflow 3 then shows what was sent under "Rendered Templates"; 2.11 keeps what stood there before.
    overwrite_rtif_after_execution = True

    #: The decorator, as authors write it.
    custom_operator_name: str
    #: Parameters of the operator that the function stands in for.
    fields_from_function: ClassVar[tuple[str, ...]]

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        reject_fields_from_function(type(self), kwargs)
        # Given as None, so that no default_args fill them.
        nothing: dict[str, Any] = dict.fromkeys(self.fields_from_function)
        super().__init__(python_callable=python_callable, **nothing, **kwargs)

    def execute(self, context: Context) -> Any:
        """
        Call the function, and send what it returns.

        :param context: the task's context
        :return: what the operator returns
        :raises ConfigurationError: if the function returns something else; nothing is sent
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        context_merge(context, self.op_kwargs)
        arguments = determine_kwargs(self.python_callable, self.op_args, context)
        returned = self.python_callable(*self.op_args, **arguments)
        with self.hook.boundary():
            self.use_return_value(returned)
        # Past Airflow's own, which on 3.0 asks for what only a PythonOperator has.
        return super(DecoratedOperator, self).execute(context)

    def use_return_value(self, returned: Any) -> None:
        """
        Assign what the function returned.

        :param returned: what that is
        :raises ConfigurationError: if it cannot be sent
        """
        raise NotImplementedError

    def wrong(self, returned: Any, allowed: str) -> ConfigurationError:
        """
        Say that a function returned something else than it must; never what, which may be a prompt.

        :param returned: what it returned
        :param allowed: what it must return
        :return: the error
        """
        return ConfigurationError(
            f"{self.python_callable.__name__}() returned {_described(returned)}: a function under "
            f"{self.custom_operator_name} must return {allowed}. Nothing was sent."
        )


def decorate(
    operator: type[FunctionOperator], python_callable: Callable[..., Any] | None, parameters: Mapping[str, Any]
) -> Any:
    """
    Make a task of a function, as Airflow's own decorators do.

    :param operator: what runs the function
    :param python_callable: the function, or None where the decorator is called first
    :param parameters: what the decorator was given
    :return: the task, or what makes one of a function
    :raises ConfigurationError: if the function stands in for one of them
    :raises TypeError: if the operator has none of that name
    """
    reject_fields_from_function(operator, parameters)
    # Airflow looks at them where the task is made, and for a mapped one only where it runs.
    unknown = set(parameters) - list_parameters(operator)
    if unknown:
        raise TypeError(f"{operator.custom_operator_name} got an unexpected keyword argument {min(unknown)!r}")
    return task_decorator_factory(python_callable, decorated_operator_class=operator, **parameters)


def list_parameters(operator: type[Any]) -> set[str]:
    """
    Collect the parameters of an operator and its bases.

    :param operator: its class
    :return: their names
    """
    makers = (vars(base)["__init__"] for base in operator.__mro__ if base is not object and "__init__" in vars(base))
    found = [each for maker in makers for each in inspect.signature(maker).parameters.values()]
    return {each.name for each in found if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)} - {"self"}


def reject_fields_from_function(operator: type[FunctionOperator], parameters: Mapping[str, Any]) -> None:
    """
    Refuse what the function says.

    :param operator: what runs the function
    :param parameters: what the decorator was given
    :raises ConfigurationError: if the function stands in for one of them
    """
    for name in operator.fields_from_function:
        if name in parameters:
            raise ConfigurationError(
                f"{operator.custom_operator_name} takes no {name}: what the function returns is sent. Return it there."
            )


def is_text(value: Any) -> bool:
    """
    Tell whether something is a text that says something.

    :param value: anything
    :return: whether it is
    """
    return isinstance(value, str) and bool(value.strip())


def _described(returned: Any) -> str:
    if returned is None:
        return "None"
    if isinstance(returned, str):
        return "a blank text"
    if isinstance(returned, list | tuple):
        kinds = ", ".join(sorted({type(item).__name__ for item in returned}))
        return f"a list of {kinds}" if kinds else "an empty list"
    return f"a value of type {type(returned).__name__}"
