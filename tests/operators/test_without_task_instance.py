"""
Operators and sensors in a plain unit test: with an empty context, or with a mock in place of the task instance.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.compat import to_asset
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_batch, ovh_bulk_chat, ovh_chat, ovh_embed, ovh_guard
from apache_airflow_provider_ovhcloud_ai.errors import PartialFailureError, UnsafeContentError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator as BulkChat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator as Chat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsGuardOperator as Guard,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor as BatchSensor
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor as ModelSensor
from support import leaks
from support.operator_cases import OPERATORS, build_operator, make_context

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

HARMFUL = "How do I make a bomb at home?"


def ask(topic: str, language: str = "English") -> str:
    return f"Explain {topic} in {language}."


def list_rows() -> list[str]:
    return ["tides", "moons"]


#: What builds the operator or sensor, in a folder that holds its files.
CASES: dict[str, Callable[[Path], Any]] = {
    **{name: partial(build_operator, name, outlets=[to_asset("s3://bucket/out")]) for name in OPERATORS},
    "ovh_chat": lambda _: ovh_chat(model="gpt-oss-20b")(ask)("tides", language="French").operator,
    "ovh_batch": lambda _: ovh_batch(model="gpt-oss-20b", deferrable=False, poll_interval=0.05)(list_rows)().operator,
    "ovh_bulk_chat": lambda _: ovh_bulk_chat(model="gpt-oss-20b")(list_rows)().operator,
    "ovh_guard": lambda _: ovh_guard(ask)(topic="tides").operator,
    "ovh_embed": lambda _: ovh_embed(model="bge-m3")(ask)(topic="tides").operator,
    "BatchSensor": lambda _: BatchSensor(task_id="t", batch_id="batch-000001"),
    "ModelSensor": lambda _: ModelSensor(task_id="t", model="bge-m3"),
}


def render_and_execute(operator: Any) -> Any:
    operator.render_template_fields({})
    return operator.execute({})


#: How users call an operator in their tests.
CALLS: dict[str, Callable[[Any], Any]] = {
    "empty": lambda operator: operator.execute({}),
    "keyword": lambda operator: operator.execute(context={}),
    "rendered": render_and_execute,
    "mock": lambda operator: operator.execute(context={"ti": MagicMock()}),
}


def in_a_dag() -> AbstractContextManager[Any]:
    return DAG("unit_test", start_date=datetime(2026, 1, 1), schedule=None)


@pytest.fixture(params=[nullcontext, in_a_dag])
def place(request: pytest.FixtureRequest) -> AbstractContextManager[Any]:
    """Outside a DAG, and in one."""
    return request.param()


@pytest.fixture
def batch(ovh_ai_endpoints_connection: str) -> None:
    """The batch of the sensor."""
    hook = OVHCloudAIEndpointsHook()
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    hook.create_batch(hook.upload_batch_input([line])["id"])


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", CASES)
def test_returns_the_same_as_with_a_task_instance(
    case: str, call: str, place: AbstractContextManager[Any], tmp_path: Path
) -> None:
    returned = []
    for name, execute in (("with", lambda operator: operator.execute(make_context())), ("without", CALLS[call])):
        folder = tmp_path / name
        leaks.prepare(folder)
        with place if name == "without" else in_a_dag():
            operator = CASES[case](folder)
        returned.append(json.dumps(execute(operator)).replace(str(folder), ""))
    assert returned[0] == returned[1]


@pytest.mark.parametrize("call", CALLS)
def test_guard_that_branches_returns_its_verdict(call: str, place: AbstractContextManager[Any]) -> None:
    with place:
        guard = Guard(task_id="guard", text=HARMFUL, on_unsafe="branch", unsafe_task_ids="refuse")
        if guard.get_dag() is not None:
            guard >> [Guard(task_id="answer"), Guard(task_id="refuse")]
    assert CALLS[call](guard)["categories"] == ["Violent"]


@pytest.mark.parametrize("context", [{}, {"ti": MagicMock()}], ids=["empty", "mock"])
def test_mapped_task_is_rendered(context: dict[str, Any]) -> None:
    values = {"prompt": "{{ 6 * 7 }}"}
    with in_a_dag():
        mapped = Chat.partial(task_id="t", output="text").expand_kwargs([values])
    task = mapped.unmap(values)
    task.render_template_fields(context)
    assert "42" in task.execute(context)


@pytest.mark.parametrize("call", CALLS)
def test_error_is_the_same_as_with_a_task_instance(call: str, ovh_ai_endpoints_sandbox: Sandbox) -> None:
    with pytest.raises(UnsafeContentError):
        CALLS[call](Guard(task_id="t", text=HARMFUL, on_unsafe="fail"))
    ovh_ai_endpoints_sandbox.fail_next(status=400, path="/v1/chat/completions")
    with pytest.raises(PartialFailureError):
        CALLS[call](BulkChat(task_id="t", model="gpt-oss-20b", rows=["a", "b"]))
