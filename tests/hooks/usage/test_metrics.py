"""
What a task's process sends to StatsD and to OpenTelemetry.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import compat
from apache_airflow_provider_ovhcloud_ai.client.usage import read_usage
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.usage import metrics
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

#: One that the service chooses by itself, with marks that no name of a metric may have.
VIRTUAL = "gpt-oss-20b@latest?context_size>1000"

TASK = f"""
try:  # from 3.2 on, what Airflow's task runner does first
    from airflow.sdk.observability.metrics import stats_utils
    from airflow.sdk.observability.stats import Stats
except ImportError:  # before, the settings are read at the first counter
    pass
else:
    try:
        Stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)
    except TypeError:  # 3.2
        Stats.initialize(factory=stats_utils.get_stats_factory(Stats))

from apache_airflow_provider_ovhcloud_ai.client.usage import Usage
from apache_airflow_provider_ovhcloud_ai.errors import NotFoundError
from apache_airflow_provider_ovhcloud_ai.hooks.usage import metrics
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

hook = OVHCloudAIEndpointsHook()
said = [{{"role": "user", "content": "Hello"}}]
hook.chat_completion("gpt-oss-20b", said)
list(hook.stream_chat_completion("gpt-oss-20b", said))
hook.create_embedding("bge-m3", ["one", "two"])
try:
    hook.chat_completion("nothing-1b", said)
except NotFoundError:
    pass
metrics.count({VIRTUAL!r}, Usage(1, 7, 0))

from opentelemetry.metrics import get_meter_provider

provider = get_meter_provider()
if hasattr(provider, "force_flush"):  # 2.11 and 3.0 do not when a process ends
    provider.force_flush()
"""


def run(settings: dict[str, str]) -> str:
    """Run it in a process that starts as a task's does; give what it logged."""
    named = {f"AIRFLOW__METRICS__{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-c", TASK]
    done = subprocess.run(command, env=os.environ | named, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class StatsD:
    """Keeps the datagrams that come, in the order they came."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    @property
    def settings(self) -> dict[str, str]:
        host, port = self._socket.getsockname()
        return {"statsd_on": "True", "statsd_host": host, "statsd_port": str(port)}

    def ours(self) -> list[str]:
        """What has come of ours. The sender has ended, so that nothing is under way any more."""
        lines: list[str] = []
        while True:
            try:
                lines += self._socket.recv(65_536).decode().splitlines()
            except BlockingIOError:
                return [line for line in lines if "ovh_ai_endpoints" in line]

    def close(self) -> None:
        self._socket.close()


class Collector:
    """An OpenTelemetry collector that keeps what it is sent over HTTP."""

    def __init__(self) -> None:
        self.received: list[ExportMetricsServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.received.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        host, port = self._server.server_address[:2]
        return {"otel_on": "True", "otel_host": str(host), "otel_port": str(port)}

    def counters(self) -> dict[tuple[str, ...], int]:
        """The last that was told of each of our counters, by its name and its tags."""
        return {
            (metric.name, *(attribute.value.string_value for attribute in point.attributes)): int(point.as_int)
            for request in self.received
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if "ovh_ai_endpoints" in metric.name
            for point in metric.sum.data_points
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def statsd() -> Iterator[StatsD]:
    listening = StatsD()
    yield listening
    listening.close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    listening = Collector()
    yield listening
    listening.close()


@pytest.fixture
def tokens(ovh_ai_endpoints_sandbox: Sandbox) -> dict[str, int]:
    """What the sandbox says that each of these requests uses; its answers are always the same."""
    hook = OVHCloudAIEndpointsHook()
    chat = hook.chat_completion("gpt-oss-20b", [{"role": "user", "content": "Hello"}])["usage"]
    embeddings = hook.create_embedding("bge-m3", ["one", "two"])["usage"]
    return {"input": chat["prompt_tokens"], "output": chat["completion_tokens"], "texts": embeddings["prompt_tokens"]}


def test_statsd_gets_names_alone(statsd: StatsD, tokens: dict[str, int]) -> None:
    log = run(statsd.settings)
    chat = ["requests:1|c", f"input_tokens:{tokens['input']}|c", f"output_tokens:{tokens['output']}|c"]
    embeddings = ["requests:1|c", f"input_tokens:{tokens['texts']}|c"]
    expected = [*chat, *chat, *embeddings, "errors:1|c", "requests:1|c", "input_tokens:7|c"]
    assert statsd.ours() == [f"airflow.ovh_ai_endpoints.{line}" for line in expected]
    assert "Invalid stat name" not in log


def test_statsd_gets_tags_where_they_are_on(statsd: StatsD, tokens: dict[str, int]) -> None:
    log = run({**statsd.settings, "statsd_influxdb_enabled": "True"})
    metrics_sent = statsd.ours()
    assert metrics_sent.count(f"airflow.ovh_ai_endpoints.output_tokens,model=gpt-oss-20b:{tokens['output']}|c") == 2
    assert f"airflow.ovh_ai_endpoints.input_tokens,model=bge-m3:{tokens['texts']}|c" in metrics_sent
    assert "airflow.ovh_ai_endpoints.errors,model=nothing-1b,status=404:1|c" in metrics_sent
    # Airflow drops a counter with a mark that it does not know, and logs an exception for it.
    assert "airflow.ovh_ai_endpoints.input_tokens,model=gpt-oss-20b_latest_context_size_1000:7|c" in metrics_sent
    assert "Invalid stat name" not in log
    assert len(metrics_sent) == 11


@pytest.mark.slow
def test_opentelemetry_gets_names_and_tags(collector: Collector, tokens: dict[str, int]) -> None:
    run(collector.settings)
    ours = "airflow.ovh_ai_endpoints"
    virtual = "gpt-oss-20b_latest_context_size_1000"
    assert collector.counters() == {
        (f"{ours}.requests", "gpt-oss-20b"): 2,
        (f"{ours}.input_tokens", "gpt-oss-20b"): 2 * tokens["input"],
        (f"{ours}.output_tokens", "gpt-oss-20b"): 2 * tokens["output"],
        (f"{ours}.requests", "bge-m3"): 1,
        (f"{ours}.input_tokens", "bge-m3"): tokens["texts"],
        (f"{ours}.errors", "nothing-1b", "404"): 1,
        (f"{ours}.requests", virtual): 1,
        (f"{ours}.input_tokens", virtual): 7,
    }


class Broken:
    @staticmethod
    def incr(*_: Any, **__: Any) -> None:
        raise OSError("no metrics today")


def test_metrics_that_fail_fail_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "Stats", Broken, raising=False)
    hook = OVHCloudAIEndpointsHook()
    assert hook.chat_completion("gpt-oss-20b", [{"role": "user", "content": "Hello"}])["choices"]


@pytest.mark.parametrize("usage", [None, [], "7", {"prompt_tokens": "7"}, {"prompt_tokens": -7}, {}])
def test_what_is_no_number_of_tokens_is_not_counted(monkeypatch: pytest.MonkeyPatch, usage: Any) -> None:
    counted: list[tuple[Any, ...]] = []

    class Recorder:
        @staticmethod
        def incr(*args: Any, **tags: Any) -> None:
            counted.append((*args, tags))

    monkeypatch.setattr(compat, "Stats", Recorder, raising=False)
    metrics.count(None, read_usage({"usage": usage}, 3))
    assert counted == [("ovh_ai_endpoints.requests", 3, {"tags": {"model": "unknown"}})]
