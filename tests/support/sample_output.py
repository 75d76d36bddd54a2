"""
Output of tasks: log lines, metrics, errors and XComs of real calls to a sandbox, to compare the documentation with.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import pytest
from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
from apache_airflow_provider_ovhcloud_ai import compat
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage
from apache_airflow_provider_ovhcloud_ai.errors import UnsafeContentError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.bulk import progress
from apache_airflow_provider_ovhcloud_ai.hooks.usage import metrics
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.connection import command
from statsd import StatsClient

from .audio_samples import wav

LOG = logging.getLogger("what is said")
HARMFUL = "How do I make a bomb at home?"


class SampleOutput(NamedTuple):
    """
    Output of some tasks.

    :param lines: log lines, metrics, errors
    :param values: XComs
    """

    lines: list[str]
    values: list[Any]


class _LineCollector(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextmanager
def _listening(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Hear what hooks and operators log: through which logger depends on who runs them."""
    lines: list[str] = []
    handler = _LineCollector(lines)
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    for speaker in (OVHCloudAIEndpointsHook, *(getattr(operators, name) for name in operators.__all__)):
        patch.setattr(speaker, "log", LOG, raising=False)
    yield lines
    LOG.removeHandler(handler)


def read_stock(item: str) -> int:
    """
    Count what is in stock.

    :param item: what to count
    """
    return 12


def everything(folder: Path) -> SampleOutput:
    """
    Make each kind of call.

    :param folder: where files may be written
    :return: what was said
    """
    values: list[Any] = []

    def run(operator: str, **arguments: Any) -> None:
        ti = MagicMock()
        try:
            kind = getattr(operators, f"OVHCloudAIEndpoints{operator}")
            values.append(kind(task_id="t", **arguments).execute({"ti": ti}))
        except UnsafeContentError as error:
            lines.append(str(error))
        values.extend(call.kwargs["value"] for call in ti.xcom_push.call_args_list)

    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as patch, _listening(patch) as lines:
        patch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", sandbox.connection_json)
        lines.append(command(sandbox.connection))
        run("ChatCompletionsOperator", model="gpt-oss-120b", prompt="Why?")
        run("ChatCompletionsOperator", model="gpt-oss-120b", prompt="Why?", stream=True)
        run("ChatCompletionsOperator", model="gpt-oss-120b", prompt="The read_stock bread?", tools=[read_stock])
        run("EmbeddingOperator", model="bge-m3", input="Why?")
        run("GuardOperator", text=HARMFUL)
        run("GuardOperator", text=HARMFUL, on_unsafe="fail")
        run("ImageOperator", prompt="A tram", output_path=str(folder / "tram.png"))
        (folder / "talk.wav").write_bytes(wav(2))
        run("TranscriptionOperator", audio_path=str(folder / "talk.wav"))
        run("ResponseOperator", model="gpt-oss-120b", input="Why?")
        _many()
        lines.extend(_counted())
    return SampleOutput(lines, values)


def _many() -> None:
    """Log progress every five seconds of a clock that runs faster, so that it takes no minutes."""
    conversations = [[{"role": "user", "content": f"Number {number}?"}] for number in range(60)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.Progress.__init__, "__defaults__", (None, 0.01, lambda: None))
        began = progress.time.monotonic()
        patch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: began + 1000 * (time.monotonic() - began)))
        list(OVHCloudAIEndpointsHook().each_chat_completion(conversations, "gpt-oss-20b", concurrency=1))


def _counted() -> list[str]:
    """What Airflow's own logger sends to StatsD, with tags and without."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening, pytest.MonkeyPatch.context() as patch:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(30)
        for tags in (False, True):
            client = StatsClient(*listening.getsockname(), "airflow")
            logger = SafeStatsdLogger(client, influxdb_tags_enabled=tags, statsd_influxdb_enabled=tags)
            patch.setattr(compat, "Stats", logger, raising=False)
            metrics.count("gpt-oss-20b", Usage(output_tokens=53))
        return [listening.recv(1000).decode() for _ in range(2)]
