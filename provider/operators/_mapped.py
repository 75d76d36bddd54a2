"""
What a mapped task got from another task's result, and Airflow would take for templates of the author.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def iter_mapped_values(operator: Any, context: Mapping[str, Any]) -> Iterator[Any]:
    """
    Find what a task of ``expand_kwargs(...)`` got from a result.

    Airflow knows what ``expand(...)`` got from one and renders none of it; of ``expand_kwargs`` it takes every value
    for one that stands in the DAG file (2.11.2 to 3.3.2).

    :param operator: one of the tasks that a mapped one became
    :param context: its context
    :return: values of its fields
    """
    dag = operator.get_dag()
    mapped = dag.task_dict.get(operator.task_id) if dag else None
    given: Any = getattr(mapped, str(getattr(mapped, "_expand_input_attr", None)), None)
    if mapped is None or type(given).__name__ != "ListOfDictsExpandInput":
        return
    several = given.value
    if isinstance(several, (list, tuple)) and isinstance(several[context["ti"].map_index], Mapping):
        return  # written by the author
    partial = mapped.partial_kwargs
    own = partial.get("op_kwargs")
    if own is not None:  # of a decorated function, whose arguments are mapped
        yield from (value for name, value in operator.op_kwargs.items() if name not in own)
        return
    yield from (getattr(operator, name, None) for name in operator.template_fields if name not in partial)
