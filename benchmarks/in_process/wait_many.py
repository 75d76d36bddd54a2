"""
Tasks that one triggerer waits for: python wait_many.py KIND COUNT SCRIPTS

The triggerer is Airflow's own, with room for all; its tasks are put into its database as deferred. KIND is ``ours``,
each waiting for a batch of the sandbox, or ``plain``, each waiting with Airflow's own trigger for a time of day.

Prints kilobytes of the triggerer's processes for each trigger, how often its loop was blocked for more than 100 ms,
while the triggers came and thereafter, and how many requests a minute were sent.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAG = """
import datetime
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("waiting", schedule=None, start_date=datetime.datetime(2026, 1, 1)):
    EmptyOperator.partial(task_id="wait").expand(doc=[str(n) for n in range({count})])
"""

#: Seconds: until a triggerer has settled, until all must have come, and for which it is looked at then.
SETTLED, COME, LOOKED_AT = 20, 600, 180


def main(kind, count, scripts):
    """Measure."""
    sys.path.insert(0, scripts)
    from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
    from local_airflow import LocalAirflow

    count, home = int(count), Path(os.environ["AIRFLOW_HOME"])
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "waiting.py").write_text(DAG.format(count=count), encoding="utf-8")
    with Sandbox(batch_seconds=36_000) as sandbox:
        settings = {
            "AIRFLOW_CONN_BENCH": sandbox.connection_json,
            "AIRFLOW__TRIGGERER__CAPACITY": str(count + 100),
            "AIRFLOW__CORE__MAX_MAP_LENGTH": str(count),
        }
        with LocalAirflow(home, settings=settings) as airflow:
            airflow.prepare()
            airflow.run("dags", "reserialize")
            os.environ.update(airflow.environment)
            airflow.start("triggerer")
            time.sleep(SETTLED)
            before = kilobytes(airflow)
            defer([trigger(kind, number, sandbox) for number in range(count)])
            wait_for(airflow, f"{count} triggers currently running")
            sandbox.requests.clear()
            blocked = len(blocks(airflow))
            time.sleep(LOOKED_AT)
            figures = {
                "kilobytes": (kilobytes(airflow) - before) / count,
                "blocked_first": blocked,
                "blocked_then": len(blocks(airflow)) - blocked,
                "requests": len(sandbox.requests) / LOOKED_AT * 60,
            }
    print(json.dumps(figures))


def trigger(kind, number, sandbox):
    """One that waits longer than the measurement takes."""
    if kind == "plain":
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        return DateTimeTrigger(datetime.now(UTC) + timedelta(hours=number + 5))
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
    from apache_airflow_provider_ovhcloud_ai.triggers.batch import OVHCloudAIEndpointsBatchTrigger

    hook = OVHCloudAIEndpointsHook("bench")
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": f"Question {number}"}]}
    line = {"custom_id": "0", "method": "POST", "url": "/v1/chat/completions", "body": body}
    batch = hook.create_batch(hook.upload_batch_input([line])["id"])
    return OVHCloudAIEndpointsBatchTrigger([batch["id"]], "bench", cancel_on_kill=True)


def defer(triggers):
    """Write a run of the DAG into the database, each of whose tasks is deferred to one of the triggers."""
    from airflow.models.dagbag import DBDagBag
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag("waiting", session=session)
        run = dag.create_dagrun(
            run_id="bench",
            run_after=datetime.now(UTC),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
        )
        rows = [Trigger.from_object(each) for each in triggers]
        session.add_all(rows)
        session.flush()
        for ti, row in zip(run.task_instances, rows, strict=True):
            ti.state, ti.trigger_id, ti.next_method = TaskInstanceState.DEFERRED, row.id, "execute_complete"


def wait_for(airflow, sentence):
    """Wait until the triggerer says it, which it may do once a minute."""
    ends = time.monotonic() + COME
    while sentence not in airflow.log("triggerer"):
        if time.monotonic() > ends:
            sys.exit(f"The triggerer did not say {sentence!r}:\n{airflow.log('triggerer')[-3000:]}")
        time.sleep(1)


def blocks(airflow):
    """Seconds that the triggerer says its loop took for a sleep of 0.1, where they were more than 0.2."""
    return re.findall(r"async thread was blocked for ([\d.]+) seconds", airflow.log("triggerer"))


def kilobytes(airflow):
    """What the triggerer and its processes hold for themselves, or share of what they share."""
    return sum(proportional(pid) for pid in airflow.processes("triggerer"))


def proportional(pid):
    """One process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
