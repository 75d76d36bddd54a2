"""What the tests ask Airflow's REST API."""

from __future__ import annotations

import time
from typing import Any

from airflow_api import Answer, Api

#: States of a run that came to its end.
ENDED = {"success", "failed"}


class Rest(Api):
    """Someone who is logged in."""

    def get(self, path: str) -> Any:
        """What the REST API answers, which must be a success."""
        answer = self.ask("GET", self.root + path)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: Any) -> Answer:
        return self.ask("POST", self.root + path, body)

    def run(self, dag: str) -> str:
        """Start a run of a DAG, as soon as Airflow knows it."""
        body = {"logical_date": None} if self.root == "/api/v2" else {}
        answer = eventually(lambda: self.post(f"/dags/{dag}/dagRuns", body), lambda answer: answer.status == 200)
        return answer.body["dag_run_id"]

    def state(self, dag: str, run: str) -> str:
        return self.get(f"/dags/{dag}/dagRuns/{run}")["state"]

    def task(self, dag: str, run: str, task: str) -> dict[str, Any]:
        return self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}")

    def clear(self, dag: str, run: str, task: str) -> None:
        """Have a task run again, as a person does in the UI."""
        body = {"dry_run": False, "dag_run_id": run, "task_ids": [task], "reset_dag_runs": True, "only_failed": False}
        answer = self.post(f"/dags/{dag}/clearTaskInstances", body)
        assert answer.status == 200, answer

    def mark(self, dag: str, run: str, task: str, state: str) -> None:
        """Mark a task, as a person does in the UI."""
        dry = {} if self.root == "/api/v2" else {"dry_run": False}
        path = f"{self.root}/dags/{dag}/dagRuns/{run}/taskInstances/{task}"
        answer = self.ask("PATCH", path, {"new_state": state, **dry})
        assert answer.status == 200, answer

    def links(self, dag: str, run: str, task: str, map_index: int = -1) -> dict[str, str | None]:
        links = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links?map_index={map_index}")
        return links.get("extra_links", links)


def eventually(look: Any, fits: Any, seconds: float = 300) -> Any:
    """Look until what is seen fits; the bound only ends a hopeless wait."""
    ends = time.monotonic() + seconds
    while True:
        value = look()
        if fits(value):
            return value
        assert time.monotonic() < ends, f"still {value!r} after {seconds} s"
        time.sleep(0.5)
