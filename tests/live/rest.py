"""Airflow's REST API, of both generations."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from local_airflow import PASSWORD, USER, LocalAirflow

#: States of a run that came to its end.
ENDED = {"success", "failed"}


class Answer(NamedTuple):
    status: int
    body: Any


class Rest:
    """Someone who is logged in."""

    def __init__(self, airflow: LocalAirflow) -> None:
        self.url = airflow.url
        if airflow.release < (3,):
            self.root = "/api/v1"
            self.authorization = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        else:
            self.root, self.authorization = "/api/v2", ""
            answer = self.ask("POST", "/auth/token", {"username": USER, "password": PASSWORD})
            self.authorization = f"Bearer {answer.body['access_token']}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request to any address of the server."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self.authorization} | headers
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return Answer(reply.status, json.loads(reply.read() or b"null"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    def get(self, path: str) -> Any:
        """What the REST API answers, which must be a success."""
        answer = self.ask("GET", self.root + path)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", self.root + path, body, **headers)

    def save(self, fields: dict[str, Any]) -> None:
        """Store a connection, in the place of one with the same id."""
        self.forget(fields["connection_id"])
        answer = self.post("/connections", fields)
        assert answer.status in {200, 201}, answer

    def forget(self, connection_id: str) -> None:
        """Delete a connection, if it is there."""
        self.ask("DELETE", f"{self.root}/connections/{connection_id}")

    def run(self, dag: str) -> str:
        """Start a run of a DAG, as soon as Airflow knows it."""
        body = {"logical_date": None} if self.root == "/api/v2" else {}
        answer = eventually(lambda: self.post(f"/dags/{dag}/dagRuns", body), lambda answer: answer.status == 200)
        return answer.body["dag_run_id"]

    def state(self, dag: str, run: str) -> str:
        return self.get(f"/dags/{dag}/dagRuns/{run}")["state"]

    def task(self, dag: str, run: str, task: str) -> dict[str, Any]:
        return self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}")

    def links(self, dag: str, run: str, task: str, map_index: int = -1) -> dict[str, str | None]:
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links?map_index={map_index}")
        return found.get("extra_links", found)


def eventually(look: Any, fits: Any, seconds: float = 300) -> Any:
    """Look until what is seen fits; the bound only ends a hopeless wait."""
    ends = time.monotonic() + seconds
    while True:
        seen = look()
        if fits(seen):
            return seen
        assert time.monotonic() < ends, f"still {seen!r} after {seconds} s"
        time.sleep(0.5)
