"""
``@task.ovh_embed``: a function returns strings, and the task creates their embedding vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from ..operators.embedding import OVHCloudAIEndpointsEmbeddingOperator
from ._base import FunctionOperator, decorate, is_text

if TYPE_CHECKING:
    from typing import Unpack

    from ..compat import Task
    from .parameters import EmbeddingParameters

P = ParamSpec("P")
Texts = TypeVar("Texts", bound="str | Sequence[str | Mapping[str, Any]]")


class EmbeddingFunctionOperator(FunctionOperator, OVHCloudAIEndpointsEmbeddingOperator):
    """
    Create embedding vectors of a function's return value.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param python_callable: the function
    :param op_args: positional arguments of the function
    :param op_kwargs: keyword arguments of the function
    :param kwargs: parameters of :class:`..operators.embedding.OVHCloudAIEndpointsEmbeddingOperator`
    """

    custom_operator_name = "@task.ovh_embed"
    fields_from_function: ClassVar[tuple[str, ...]] = ("input", "input_path", "input_format")
    template_fields = (
        *FunctionOperator.template_fields,
        *OVHCloudAIEndpointsEmbeddingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **FunctionOperator.template_fields_renderers,
        **OVHCloudAIEndpointsEmbeddingOperator.template_fields_renderers,
    }

    def use_return_value(self, returned: Any) -> None:
        """
        Assign one or several strings, or rows if the vectors go to a folder.

        :param returned: the function's return value
        :raises ConfigurationError: if it is none of them
        """
        kinds: tuple[type, ...] = (str,) if self.output_path is None else (str, Mapping)
        many = isinstance(returned, list | tuple) and all(isinstance(item, kinds) for item in returned)
        if not many and not is_text(returned):
            rows = "dictionaries need an output_path" if self.output_path is None else "or rows: a list of dictionaries"
            raise self.wrong(returned, f"a text, or a list of texts; {rows}")
        self.input = returned


@overload
def ovh_embed(python_callable: Callable[P, Texts], /) -> Task[P, Texts]: ...


@overload
def ovh_embed(**parameters: Unpack[EmbeddingParameters]) -> Callable[[Callable[P, Texts]], Task[P, Texts]]: ...


def ovh_embed(python_callable: Callable[..., Any] | None = None, /, **parameters: Any) -> Any:
    """
    Make a task that creates embedding vectors of the function's return value: a string, or a list of strings or rows.

    This is ``@task.ovh_embed`` under a name that type checkers know.

    :param python_callable: the function
    :param parameters: those of :class:`..operators.embedding.OVHCloudAIEndpointsEmbeddingOperator` except ``input``,
        ``input_path`` and ``input_format``
    :return: the task, or a decorator that makes one
    """
    return decorate(EmbeddingFunctionOperator, python_callable, parameters)
