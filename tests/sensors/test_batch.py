from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import BadRequestError, ConfigurationError, NotFoundError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor as Sensor

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:
    from airflow.exceptions import TaskDeferred

pytestmark = pytest.mark.airflow


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(batch_seconds=0.4) as running:
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", running.connection_json)
        yield running


def start() -> str:
    hook = OVHCloudAIEndpointsHook()
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return hook.create_batch(hook.upload_batch_input([line])["id"])["id"]


def sensor(batch_id: str, **options: Any) -> Any:
    return Sensor(task_id="t", batch_id=batch_id, poke_interval=0.05, **options)


def test_it_waits_and_hands_the_batch_on(sandbox: Sandbox) -> None:
    batch = sensor(start()).execute({})
    assert (batch["status"], batch["request_counts"]["completed"]) == ("completed", 1)


def test_a_triggerer_waits(sandbox: Sandbox) -> None:
    batch_id = start()
    task = sensor(batch_id, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    assert deferred.value.trigger.serialize()[1]["batch_ids"] == [batch_id]
    assert task.execute_complete({}, {"batch_ids": [batch_id], "error": None})["status"] == "completed"
    # One that has ended is not waited for.
    assert sensor(batch_id, deferrable=True).execute({})["status"] == "completed"


def test_an_event_of_another_batch_ends_no_wait(sandbox: Sandbox) -> None:
    task = sensor(start(), deferrable=True)
    with pytest.raises(TaskDeferred):
        task.execute_complete({}, {"batch_ids": ["batch-2"], "error": None})


def test_what_did_not_complete_fails_the_task(sandbox: Sandbox) -> None:
    batch_id = start()
    OVHCloudAIEndpointsHook().cancel_batch(batch_id)
    with pytest.raises(BadRequestError, match=f"The batch {batch_id} is cancelled"):
        sensor(batch_id).execute({})
    with pytest.raises(NotFoundError, match="No batch found"):
        sensor("batch-unknown").execute({})
    with pytest.raises(ConfigurationError, match="batch_id must be an id of the service"):
        sensor("a b").execute({})


def test_ids_are_templated() -> None:
    assert json.loads(json.dumps(Sensor.template_fields)) == ["batch_id", "ovh_conn_id"]
