"""
The example that classifies a table, with 3,000 rows: killed in the middle, resumed, and its cost checked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage, read_usage
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
ROWS = 3_000

#: Runs the example's task with a table of its own.
RUN = f"""
import json, sys
sys.path.append({str(ROOT / "tests")!r})
from support.operator_cases import make_context, read_dags

task = read_dags({str(ROOT / "example_dags/example_classify.py")!r}).dags["ovh_ai_classify"].get_task("classify")
task.input_path, task.output_path = sys.argv[1:]
task.part_size = 50
print(json.dumps(task.execute(make_context())))
"""


class Meter:
    """
    The sandbox's own count of what it answered.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.usage = Usage()
        self.prompts: Counter[str] = Counter()
        self._answer, self._lock = sandbox._service.answer, threading.Lock()
        sandbox._service.answer = self.answer  # type: ignore[method-assign]  # it counts, and answers as before

    def answer(self, request: Any) -> Any:
        response = self._answer(request)
        if request.path.endswith("/chat/completions") and response.status == 200:
            with self._lock:
                self.usage += read_usage(response.body)
                self.prompts[request.json["messages"][-1]["content"]] += 1
        return response


def write_reviews(path: Path) -> None:
    lines = [f'{n},"Review {n}: the parcel came {n % 9} days late"' for n in range(ROWS)]
    path.write_text("\n".join(["id,review", *lines]) + "\n", encoding="utf-8")


def start(sandbox: Sandbox, source: Path, output: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT": sandbox.connection_json}
    command = [sys.executable, "-c", RUN, str(source), str(output)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_killed_run_resumes_and_its_usage_is_what_the_service_counts(tmp_path: Path) -> None:
    source, output = tmp_path / "reviews.csv", tmp_path / "out"
    write_reviews(source)
    with Sandbox(rate_limit=10**6, record=False) as sandbox:
        meter = Meter(sandbox)
        with start(sandbox, source, output) as killed:
            while meter.usage.requests < ROWS // 2:
                assert killed.poll() is None, "it ended before it could be killed"
                time.sleep(0.01)
            killed.send_signal(signal.SIGKILL)
        time.sleep(0.5)  # until what was under way is answered
        before = meter.usage
        with start(sandbox, source, output) as resumed:
            manifest = json.loads((resumed.communicate()[0] or "null").splitlines()[-1])
    answered_once = [count for count in meter.prompts.values() if count == 1]
    assert len(meter.prompts) == ROWS
    # Answers of parts that weren't written when the process was killed are asked for again.
    assert len(answered_once) >= ROWS - 1_000
    assert (manifest["rows"], manifest["failed"]) == (ROWS, 0)
    assert manifest["rows_reused"] == ROWS - manifest["usage"]["requests"]
    after = {name: value - getattr(before, name) for name, value in meter.usage.as_dict().items()}
    assert {name: manifest["usage"][name] for name in after} == after
    # A killed process has no time to write down the usage of its last seconds.
    assert after["requests"] <= manifest["usage_total"]["requests"] <= meter.usage.requests
    records = list(OVHCloudAIEndpointsHook.read_rows(manifest))
    assert [record["id"] for record in records] == [str(n) for n in range(ROWS)]
    assert all(isinstance(record["urgent"], bool) and record["topic"] for record in records)
