"""
The base of the decorators: a function returns the input, an operator sends it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..compat import BaseOperator, DecoratedOperator, determine_kwargs, task_decorator_factory
from ..errors import ConfigurationError
from ..operators._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context


class FunctionOperator(DecoratedOperator, AIEndpointsOperator):
    """
    Base of the operators behind the decorators.

    The task assigns the function's return value after Airflow has rendered the templates, and sends it unchanged.
    Values from other tasks or from a run's configuration may contain braces that aren't the author's templates.

    :param python_callable: the function
    :param kwargs: parameters of the operator, and ``op_args`` and ``op_kwargs`` for the function
    """

    # Airflow 3 then displays the sent values under "Rendered Templates". Airflow 2.11 keeps the values from before.
    overwrite_rtif_after_execution = True

    #: The decorator, as authors write it.
    custom_operator_name: str
    #: Parameters of the operator that the function's return value fills.
    fields_from_function: ClassVar[tuple[str, ...]]

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        reject_fields_from_function(type(self), kwargs)
        # Passed as None, so that default_args don't fill them.
        nothing: dict[str, Any] = dict.fromkeys(self.fields_from_function)
        super().__init__(python_callable=python_callable, **nothing, **kwargs)

    def execute(self, context: Context) -> Any:
        """
        Call the function, and send its return value.

        :param context: the task's context
        :return: the operator's return value
        :raises ConfigurationError: if the function returns an unsupported value; nothing is sent
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        # Airflow 3's own context_merge() would lose them if the context is empty, as in unit tests.
        context.update(self.op_kwargs)  # type: ignore[typeddict-item]  # names that are the function's own
        arguments = determine_kwargs(self.python_callable, self.op_args, context)
        returned = self.python_callable(*self.op_args, **arguments)
        with self.hook.boundary():
            self.use_return_value(returned)
        # Skips Airflow's own execute(), which on 3.0 needs attributes of a PythonOperator.
        return super(DecoratedOperator, self).execute(context)

    def use_return_value(self, returned: Any) -> None:
        """
        Assign the function's return value.

        :param returned: the return value
        :raises ConfigurationError: if it can't be sent
        """
        raise NotImplementedError

    def wrong(self, returned: Any, allowed: str) -> ConfigurationError:
        """
        Build the error for an unsupported return value. It never quotes the value, which may be a prompt.

        :param returned: the return value
        :param allowed: description of what the function must return
        :return: the error
        """
        return ConfigurationError(
            f"{self.python_callable.__name__}() returned {_described(returned)}: a function under "
            f"{self.custom_operator_name} must return {allowed}. Nothing was sent."
        )


class RowsFunctionOperator(FunctionOperator):
    """
    Base of the operators behind the decorators of functions that return rows.
    """

    fields_from_function: ClassVar[tuple[str, ...]] = ("rows", "input_path", "input_format")

    def use_return_value(self, returned: Any) -> None:
        """
        Assign rows: strings or dictionaries. There may be none.

        :param returned: the function's return value
        :raises ConfigurationError: if it isn't a list of them
        """
        if not (isinstance(returned, list | tuple) and all(isinstance(item, (str, Mapping)) for item in returned)):
            raise self.wrong(returned, "rows: a list of texts or of dictionaries")
        self.rows = returned


def decorate(
    operator: type[FunctionOperator], python_callable: Callable[..., Any] | None, parameters: Mapping[str, Any]
) -> Any:
    """
    Make a task of a function, as Airflow's own decorators do.

    :param operator: class of the operator that runs the function
    :param python_callable: the function, or None if the decorator is called with parameters first
    :param parameters: the decorator's parameters
    :return: the task, or a decorator that makes one
    :raises ConfigurationError: if the function returns one of the parameters
    :raises TypeError: if the operator doesn't have a parameter of that name
    """
    reject_fields_from_function(operator, parameters)
    # Airflow checks them when it creates the task, and for a mapped task only when that runs.
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
    bases = (base for base in operator.__mro__ if issubclass(base, BaseOperator) and "__init__" in vars(base))
    makers = (vars(base)["__init__"] for base in bases)
    parameters = [each for maker in makers for each in inspect.signature(maker).parameters.values()]
    return {each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)} - {"self"}


def reject_fields_from_function(operator: type[FunctionOperator], parameters: Mapping[str, Any]) -> None:
    """
    Raise an error if the decorator is given a parameter that the function returns.

    :param operator: class of the operator that runs the function
    :param parameters: the decorator's parameters
    :raises ConfigurationError: if the function returns one of the parameters
    """
    for name in operator.fields_from_function:
        if name in parameters:
            raise ConfigurationError(
                f"{operator.custom_operator_name} takes no {name}: what the function returns is sent. Return it there."
            )


def is_text(value: Any) -> bool:
    """
    Return whether a value is a string that isn't blank.

    :param value: any value
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
