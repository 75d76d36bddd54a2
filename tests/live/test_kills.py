"""
Workers killed at random moments, in a DAG of all operators: every run succeeds, and pays twice for nothing but what was
under way.

Five kills, or $KILLS; $SEED repeats an order of moments and victims.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.http.messages import Request
from local_airflow import LocalAirflow, installed_release
from support.audio_samples import wav

from .rest import ENDED, Rest, eventually

pytestmark = pytest.mark.skipif(installed_release() < (3, 3), reason="seen on the newest release")

KILLS = int(os.environ.get("KILLS", "5"))
SEED = int(os.environ.get("SEED", random.randrange(1_000_000)))

#: Kills in one run: enough for a task to be killed twice, and few enough for some to get far.
A_RUN = 5

#: Requests that each task sends at a time, and what a request of it asks for at most.
UNDER_WAY = {"embedding": 2 * 25, "bulk": 2 * 2, "model_sensor": 2}

#: What a task asks for when nobody kills it: texts, questions, or requests.
NEEDED = {
    "chat": 1,
    "response": 1,
    "guard": 1,
    "transcription": 1,
    "image": 1,
    "embedding": 200,
    "bulk": 16,
    "model_sensor": 1,
}


def find_task(request: Request) -> str | None:
    """
    The task that a request which is paid for comes from.
    """
    path = request.path.removeprefix("/v1/")
    if path != "chat/completions":
        names = {"responses": "response", "audio/transcriptions": "transcription", "embeddings": "embedding"}
        return {**names, "images/generations": "image"}.get(path)
    body = json.loads(request.body)
    prompt = body["messages"][-1]["content"]
    if "guard" in body["model"].lower():
        return "guard"
    return "chat" if prompt == "One question" else "bulk" if prompt.startswith("Question") else "model_sensor"


def paid(requests: list[Request]) -> Counter[str]:
    """
    What was asked for, by task: of embeddings the texts.
    """
    counts: Counter[str] = Counter()
    for request in requests:
        if name := request.method == "POST" and find_task(request):
            counts[name] += len(json.loads(request.body)["input"]) if name == "embedding" else 1
    return counts


@pytest.fixture
def service(rest: Rest, bulk_folder: Path) -> Any:
    """One that takes its time, so that a worker can be killed while it waits."""
    (bulk_folder / "killed").mkdir(exist_ok=True)
    (bulk_folder / "killed/talk.wav").write_bytes(wav())
    with Sandbox(latency=0.5, batch_seconds=4, rate_limit=1_000_000) as sandbox:
        fields = {"connection_id": "killed", "conn_type": "ovh_ai_endpoints", "host": sandbox.base_url}
        rest.save({**fields, "port": sandbox.port, "password": sandbox.token})
        yield sandbox


def list_tasks(rest: Rest, run: str) -> list[dict[str, Any]]:
    return rest.get(f"/dags/killed/dagRuns/{run}/taskInstances")["task_instances"]


def kill_one(airflow: LocalAirflow, rest: Rest, run: str, after: int, order: random.Random) -> str | None:
    """
    Kill the process of one of the tasks that run.

    :param after: how many tasks have succeeded by then, however fast the machine is
    :return: whose it was; None if nothing runs any more
    """
    ticket, pause = order.random(), order.uniform(0, 2)
    eventually(lambda: sum(task["state"] == "success" for task in list_tasks(rest, run)), lambda done: done >= after)
    time.sleep(pause)
    while True:
        tasks = [(task["task_id"], task["state"], task["pid"]) for task in list_tasks(rest, run)]
        running = sorted((name, pid) for name, state, pid in tasks if state == "running" and pid)
        if all(state == "success" for _, state, _ in tasks):
            return None
        if running:
            name, pid = running[int(ticket * len(running))]
            # It may have ended meanwhile, and its number be another's.
            with suppress(ProcessLookupError):
                if pid in airflow.processes("scheduler"):
                    os.kill(pid, signal.SIGKILL)
                    return name
        time.sleep(0.2)


def test_workers_are_killed_at_random_moments(
    airflow: LocalAirflow, scheduled: Rest, service: Sandbox, bulk_folder: Path
) -> None:
    order, left, runs = random.Random(SEED), KILLS, 0
    print(f"SEED={SEED}")
    while left > 0:
        service.clear()
        run, runs = scheduled.run("killed"), runs + 1
        eventually(lambda run=run: list_tasks(scheduled, run), bool)
        killed: Counter[str] = Counter()
        # As long as at least five tasks are left, so that one of them runs.
        most = len(list_tasks(scheduled, run)) - A_RUN
        for after in sorted(order.randint(0, most) for _ in range(min(A_RUN, left))):
            if name := kill_one(airflow, scheduled, run, after, order):
                killed[name] += 1
        left -= killed.total()
        assert killed, "nothing was killed"
        check(scheduled, run, killed, service, bulk_folder / "killed" / run)
    print(f"{KILLS} workers were killed in {runs} runs")


def check(rest: Rest, run: str, killed: Counter[str], service: Sandbox, out: Path) -> None:
    assert eventually(lambda: rest.state("killed", run), ENDED.__contains__) == "success", dict(killed)
    requests = list(service.requests)
    counts, tries = paid(requests), {task["task_id"]: task["try_number"] for task in list_tasks(rest, run)}
    print(f"{run}: killed {dict(killed)}, tries {tries}, asked {dict(counts)}")
    for name, number in tries.items():
        # A process that is killed as it ends has done its work.
        assert number <= 1 + killed[name]
    for name, needed in NEEDED.items():
        # Nobody can know whether what was under way was answered.
        assert needed <= counts[name] <= needed + killed[name] * UNDER_WAY.get(name, 1), name
    # A batch is found again, whenever the worker was killed that started it.
    posted = Counter(request.path for request in requests if request.method == "POST")
    assert posted["/v1/batches"] == 1
    assert 1 <= posted["/v1/files"] <= 1 + killed["batch"]
    check_files(out)


def check_files(out: Path) -> None:
    for name, rows in {"embedding": 200, "bulk": 16, "batch": 10}.items():
        manifest = json.loads((out / name / "_manifest.json").read_text())
        assert (manifest["rows"], manifest["failed"]) == (rows, 0), name
        records = [json.loads(line) for part in manifest["parts"] for line in (out / name / part["name"]).open()]
        assert len(records) == rows
    assert (out / "talk.txt").read_text()
    assert all((out / f"image-{number}.png").read_bytes().startswith(b"\x89PNG") for number in (1, 2))
