"""The sandbox as a program of its own."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

PROGRAM = [sys.executable, "-m", "apache_airflow_provider_ovhcloud_ai.sandbox"]


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the program and read its greeting."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([*PROGRAM, "--port", "0", *options], stdout=pipe, stderr=pipe, text=True)
    try:
        greeting = ""
        while "Stop with" not in greeting:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            greeting += line
        yield process, greeting
    finally:
        process.kill()
        process.communicate()


def refused(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *options], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_status_0_while_clients_are_connected(number: signal.Signals) -> None:
    with running() as (process, greeting):
        connection = http.client.HTTPConnection("127.0.0.1", parse_port(greeting), timeout=30)
        connection.request("GET", "/v1/models")
        assert connection.getresponse().status == 200
        process.send_signal(number)
        _, log = process.communicate(timeout=60)
        connection.close()
    assert process.returncode == 0
    assert log == "GET '/v1/models' 200\n"


def parse_port(greeting: str) -> int:
    return int(greeting.split("http://127.0.0.1:")[1].split("/", maxsplit=1)[0])


def test_greeting_holds_a_command_that_a_shell_understands() -> None:
    with running("--token", "it's-$HOME", "--rate-limit", "7", "--quiet") as (process, greeting):
        port = parse_port(greeting)
        assert "Token: it's-$HOME\n" in greeting
        assert "7 requests a minute" in greeting
        command = next(line for line in greeting.splitlines() if line.startswith("airflow connections add"))
        script = f'airflow() {{ printf "%s\\n" "$@"; }}\n{command}'
        words = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
        assert words[:3] == ["connections", "add", "ovh_ai_endpoints_default"]
        options = dict(zip(words[3::2], words[4::2], strict=True))
        extra = json.loads(options.pop("--conn-extra"))
        assert options == {
            "--conn-type": "ovh_ai_endpoints",
            "--conn-host": f"http://127.0.0.1:{port}/v1",
            "--conn-port": str(port),
            "--conn-password": "it's-$HOME",
        }
        assert extra.keys() == {"chat_model", "embedding_model", "project_id"}

        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = json.dumps({"model": extra["embedding_model"], "input": "x"})
        connection.request("POST", "/v1/embeddings", body, {"Authorization": f"Bearer {options['--conn-password']}"})
        response = connection.getresponse()
        assert (response.status, response.headers["x-ratelimit-limit-minute"]) == (200, "7")
        connection.close()
        process.terminate()
        assert process.communicate(timeout=60)[1] == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "70000"], "argument --port: '70000' is not a port from 0 to 65535"),
        (["--port", "http"], "'http' is not a port"),
        (["--rate-limit", "-1"], "argument --rate-limit: '-1' is not a whole number of requests, at least 1"),
        (["--token-limit", "0"], "argument --token-limit: '0' is not a whole number of tokens, at least 1"),
        (["--rate-limit", "0"], "at least 1"),
        (["--latency", "fast"], "argument --latency: 'fast' is not a number of seconds from 0 to 3600"),
        (["--latency", "nan"], "'nan' is not a number of seconds"),
        (["--token", ""], "a token is made of ASCII letters"),
        (["--token", "two words"], "a token is made of ASCII letters"),
        (["--host", "0.0.0.0"], "unrecognized arguments: --host 0.0.0.0"),
        (["--tok", "x"], "unrecognized arguments: --tok x"),
    ],
)
def test_bad_option_is_a_usage_error(options: list[str], words: str) -> None:
    ended = refused(*options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: python -m apache_airflow_provider_ovhcloud_ai.sandbox")
    assert words in ended.stderr


def test_port_in_use_is_a_sentence(sandbox: Sandbox) -> None:
    ended = refused("--port", str(sandbox.port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Cannot listen on 127.0.0.1:{sandbox.port}: another program listens there. "
        "Choose another with --port; 0 is any free one.\n"
    )


def test_sandbox_loads_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import apache_airflow_provider_ovhcloud_ai.sandbox.__main__;"
        "own = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(own - set(sys.stdlib_module_names)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "['apache_airflow_provider_ovhcloud_ai']\n"
