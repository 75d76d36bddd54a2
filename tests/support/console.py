"""
The console page without a web server: who asks, what is asked, and what comes back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apache_airflow_provider_ovhcloud_ai.ui.console.actions import ROUTES, Call, Route
from apache_airflow_provider_ovhcloud_ai.ui.console.views.report import Origin
from apache_airflow_provider_ovhcloud_ai.ui.console.web.dispatch import Answer, begin, finish, read_params
from apache_airflow_provider_ovhcloud_ai.ui.console.web.user import Method

try:
    from airflow.sdk.bases.secrets_backend import BaseSecretsBackend  # since 3.2
except ImportError:
    from airflow.secrets import BaseSecretsBackend

ORIGIN = Origin("the API server", "af-1", "provider 0, Airflow 0, Python 0")


class Visitor:
    """
    A user with the permissions that a test gives.

    :param methods: what they may do, of GET, POST and PUT
    :param only: the connections that they may do it with; None for all
    :param name: who they are
    """

    def __init__(self, *methods: Method, only: Iterable[str] | None = None, name: str = "ann") -> None:
        self.name = name
        self._methods = methods
        self._only = None if only is None else set(only)

    def may(self, method: Method, conn_id: str | None = None) -> bool:
        return method in self._methods and (conn_id is None or self._only is None or conn_id in self._only)


ADMIN = Visitor("GET", "POST", "PUT")
VIEWER = Visitor("GET", name="vic")


def route(path: str) -> Route:
    (matching_route,) = [each for each in ROUTES if each.path == f"/api/{path}"]
    return matching_route


def start(path: str, visitor: Visitor = ADMIN, /, **fields: Any) -> Any:
    """
    Begin a request: the answer, or work under way and its result to come.
    """
    address = route(path)
    query, body = (fields, b"") if address.method == "GET" else ({}, json.dumps(fields).encode())
    return begin(address, lambda: Call(visitor, read_params(address, query, body), ORIGIN, "/connections"))


def ask(path: str, visitor: Visitor = ADMIN, /, **fields: Any) -> Answer:
    begun = start(path, visitor, **fields)
    return begun if isinstance(begun, Answer) else finish(*begun)


def lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.lines is not None, answer
    return [json.loads(line) for line in answer.lines]


def sentence(answer: Answer) -> str:
    """
    Read why something was not done.
    """
    assert set(answer.data) == {"error"}, answer
    return answer.data["error"]


class Vault(BaseSecretsBackend):
    """
    A secrets backend that hands out what a test put in, and remembers what it was asked for.
    """

    conn_ids: list[str] = []  # noqa: RUF012  (Airflow makes the instance)
    holds: dict[str, Any] = {}  # noqa: RUF012  (likewise)

    def get_connection(self, conn_id: str, *_: Any, **__: Any) -> Any:
        self.conn_ids.append(conn_id)
        return self.holds.get(conn_id)
