"""
Values of a mapped task that are another task's result, which Airflow would render as the author's templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..compat import read_task_instance


def iter_mapped_values(operator: Any, context: Mapping[str, Any]) -> Iterator[Any]:
    """
    Find the values that ``expand_kwargs(...)`` gave a task from another task's result.

    Airflow doesn't render values of a result that ``expand(...)`` maps over. With ``expand_kwargs``, it renders every
    value as if it were written in the DAG file (2.11.2 to 3.3.2).

    :param operator: one of the tasks that a mapped task is expanded to
    :param context: its context
    :return: values of its fields
    """
    dag = operator.get_dag()
    mapped = dag.task_dict.get(operator.task_id) if dag else None
    expand_input: Any = getattr(mapped, str(getattr(mapped, "_expand_input_attr", None)), None)
    if mapped is None or type(expand_input).__name__ != "ListOfDictsExpandInput":
        return
    mapped_over = expand_input.value
    if isinstance(mapped_over, (list, tuple)):
        ti = read_task_instance(context)
        own_values = mapped_over if ti is None else [mapped_over[ti.map_index]]
        if all(isinstance(each, Mapping) for each in own_values):
            return  # written by the author
    partial = mapped.partial_kwargs
    own = partial.get("op_kwargs")
    if own is not None:  # of a decorated function, whose arguments are mapped
        yield from (value for name, value in operator.op_kwargs.items() if name not in own)
        return
    yield from (getattr(operator, name, None) for name in operator.template_fields if name not in partial)
