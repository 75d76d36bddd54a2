"""
The REST API of a local Airflow, of both generations, with what is common to scripts and tests.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from local_airflow import PASSWORD, USER, LocalAirflow


class Answer(NamedTuple):
    status: int
    body: Any


class Api:
    """
    Someone who is logged in.

    :param airflow: a running one
    :param user: who
    """

    def __init__(self, airflow: LocalAirflow, user: str = USER) -> None:
        self.url = airflow.url
        if airflow.release < (3,):
            self.root = "/api/v1"
            self.authorization = f"Basic {base64.b64encode(f'{user}:{PASSWORD}'.encode()).decode()}"
        else:
            self.root, self.authorization = "/api/v2", ""
            answer = self.ask("POST", "/auth/token", {"username": user, "password": PASSWORD})
            self.authorization = f"Bearer {answer.body['access_token']}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """
        Send one request to any address of the server.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self.authorization} | headers
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return Answer(response.status, json.loads(response.read() or b"null"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    def forget(self, connection_id: str) -> None:
        """
        Delete a connection, if it is there.
        """
        self.ask("DELETE", f"{self.root}/connections/{connection_id}")

    def save(self, fields: dict[str, Any]) -> None:
        """
        Store a connection, in the place of one with the same id.
        """
        self.forget(fields["connection_id"])
        answer = self.ask("POST", f"{self.root}/connections", fields)
        if answer.status not in {200, 201}:
            raise RuntimeError(f"Airflow did not store the connection: {answer}")
