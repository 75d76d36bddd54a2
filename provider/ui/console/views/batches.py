"""
The batches of a connection as rows: the progress of each and the task it belongs to.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ....client.batches import batches_api
from ....client.http import http_response
from ....client.http.error_responses import parse_error
from ....client.http.sync_client import Client
from ....connection.settings import ConnectionSettings
from ....defaults import TEST_TIMEOUT_S
from ....errors import AIEndpointsError
from ....redaction import excerpts
from ..web.user import HTTPError

#: Longest string in a row: a run's id has at most 250 characters.
MAX_TEXT_CHARS = 250

#: Fields that a row copies from the batch: the task from its metadata, the strings from the batch itself.
_TASK = {"dag": "airflow_dag_id", "run": "airflow_run_id", "task": "airflow_task_id", "map_index": "airflow_map_index"}
_TEXTS = ("id", "status", "endpoint", "completion_window")

_ANONYMOUS = "Batches need an API token, and the connection has none."


def list_batches(settings: ConnectionSettings) -> dict[str, Any]:
    """
    List the latest batches, in one request.

    :param settings: of the connection
    :return: ``batches``, and ``more``: whether there are earlier ones
    :raises HTTPError: if the service doesn't list them
    """
    if not settings.client.token:
        raise HTTPError(422, _ANONYMOUS)
    request = batches_api.page()
    try:
        with Client(settings.client) as client:
            response = client.exchange(request, TEST_TIMEOUT_S)
        if error := parse_error(response, request, settings.client.base_url, settings.client.token, time.time()):
            raise error
        value = http_response.parse(response, request, settings.client)
    except AIEndpointsError as error:
        raise HTTPError(502, f"No batches: {error}") from None
    data = value.get("data")
    if not isinstance(data, list):
        raise HTTPError(502, "No batches: the service answered with something else than a list of batches.")
    return {"batches": rows(data, settings.client.token), "more": value.get("has_more") is True}


def rows(data: Iterable[Any], token: str | None) -> list[dict[str, Any]]:
    """
    Convert batches to rows of the page.

    :param data: the batches, as the service lists them
    :param token: the connection's token, which is removed from every string
    :return: fields of the page's JSON
    """
    batches = [each for each in data if isinstance(each, Mapping)]
    texts = {name: excerpts((_text(each.get(name)) for each in batches), token, MAX_TEXT_CHARS) for name in _TEXTS}
    tasks = {
        name: excerpts((_read_task_field(each, key) for each in batches), token, MAX_TEXT_CHARS)
        for name, key in _TASK.items()
    }
    return [
        {
            **{name: texts[name][number] for name in _TEXTS},
            **{name: value for name, value in batches_api.summary(batch).items() if name not in _TEXTS},
            "task": {name: tasks[name][number] for name in _TASK} if tasks["task"][number] else None,
            "created": _moment(batch.get("created_at")),
        }
        for number, batch in enumerate(batches)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _read_task_field(batch: Mapping[str, Any], name: str) -> str:
    metadata = batch.get("metadata")
    return _text(metadata.get(name)) if isinstance(metadata, Mapping) else ""


def _moment(value: Any) -> str | None:
    if type(value) is not int or not 0 < value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
