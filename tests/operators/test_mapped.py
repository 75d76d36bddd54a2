"""
Which values of a mapped task another task's result brings; test_rendered_once.py runs them in a DAG.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat
from apache_airflow_provider_ovhcloud_ai.operators._mapped import iter_mapped_values
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator as Chat

pytestmark = pytest.mark.airflow


@pytest.fixture
def dag() -> DAG:
    return DAG("mapped", start_date=datetime(2026, 1, 1), schedule=None)


def expand(dag: DAG, values: Any, mapped_values: dict[str, Any], *, pairs: bool = True) -> list[Any]:
    """Map a task over values, and list what of one of its tasks another task brought."""
    with dag:
        partial = Chat.partial(task_id="t", model="gpt-oss-20b", system_prompt="{{ ds }}")
        mapped = partial.expand_kwargs(values) if pairs else partial.expand(prompt=values)
    return [value for value in iter_mapped_values(mapped.unmap(mapped_values), {}) if value is not None]


def test_values_of_another_task_s_result_are_found(dag: DAG) -> None:
    with dag:
        source = Chat(task_id="source", prompt="a").output
    values = expand(dag, source, {"prompt": "{{ one }}", "stop": ["{{ two }}"]})
    assert "{{ one }}" in values
    assert ["{{ two }}"] in values
    assert not {"{{ ds }}", "gpt-oss-20b"} & {value for value in values if isinstance(value, str)}


def test_values_that_the_author_wrote_are_not(dag: DAG) -> None:
    assert expand(dag, [{"prompt": "{{ ds }}"}], {"prompt": "{{ ds }}"}) == []


def test_values_of_expand_are_left_to_airflow(dag: DAG) -> None:
    with dag:
        source = Chat(task_id="source", prompt="a").output
    assert expand(dag, source, {"prompt": "{{ one }}"}, pairs=False) == []


def test_task_that_is_not_mapped_and_task_without_a_dag_have_none(dag: DAG) -> None:
    with dag:
        task = Chat(task_id="t", prompt="{{ ds }}")
    assert list(iter_mapped_values(task, {})) == []
    assert list(iter_mapped_values(Chat(task_id="t", prompt="{{ ds }}"), {})) == []


def test_arguments_of_a_decorated_function_are_found(dag: DAG) -> None:
    def ask(city: str, day: str) -> str:
        return f"{city} {day}"

    with dag:
        source = Chat(task_id="source", prompt="a").output
        ovh_chat(ask).partial(day="{{ ds }}").expand_kwargs(source)
    values = {"op_kwargs": {"city": "{{ one }}"}}
    assert list(iter_mapped_values(dag.task_dict["ask"].unmap(values), {})) == ["{{ one }}"]
