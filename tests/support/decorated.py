"""
Tasks that the decorators make of functions, outside a run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import MagicMock

from airflow import DAG

#: An id of its own for each DAG: 3.1 would look up the tasks of another test.
NUMBERS = itertools.count()


def build_operator(decorator: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a decorated function in a DAG, and return the operator that it makes."""
    with DAG(f"decorators_{next(NUMBERS)}", start_date=datetime(2026, 1, 1), schedule=None) as dag:
        result = decorator(function)(*args, **kwargs)
    return dag.get_task(result.operator.task_id)


def returning(value: Any) -> Callable[[], Any]:
    def say() -> Any:
        return value

    return say


def run(decorator: Any, function: Callable[..., Any], **context: Any) -> Any:
    return build_operator(decorator, function).execute({"ti": MagicMock(), **context})
