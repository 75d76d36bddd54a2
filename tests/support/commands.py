"""
What a reader types, run as the documentation shows it: against the sandbox, in an Airflow home of the tests' own.

What takes minutes, such as an installation or a target of make, other tests run: here the names must be theirs.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import trustme
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.__main__ import parser

from . import services
from .needs import missing
from .pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: What a reader puts a token of his own for.
TOKEN = "YOUR-TOKEN"
HOST = "oai.endpoints.kepler.ai.cloud.ovh.net"

#: Gives a fixture by its name.
Fixture = Callable[[str], Any]


def run_each(text: str, fixture: Fixture) -> None:
    """
    Run what a block shows, line by line.

    :param text: lines for a shell
    :param fixture: gives a fixture of the test by its name
    """
    lines = text.replace("\\\n", " ").splitlines()
    for line in filter(None, (line.partition("# ")[0].strip() for line in lines)):
        command = line.removeprefix("export ")
        word = re.match(r"\w+", command)
        name = "=" if re.match(r"\w+=", command) else word and word[0]
        assert name in COMMANDS, f"nothing runs {line!r}"
        COMMANDS[name](command, fixture)


def shell(line: str, stdin: str = "", **variables: str) -> str:
    """
    Run a line as a reader does.

    :param line: for a shell
    :param stdin: standard input
    :param variables: of the environment
    :return: standard output
    """
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        input=stdin,
        env={**os.environ, **variables, "PATH": here},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_pip(line: str, _: Any) -> None:
    _, verb, *words = shlex.split(line)
    assert verb in {"install", "uninstall"}
    ours = {PROJECT["name"], *(f"{PROJECT['name']}[{extra}]" for extra in PROJECT["optional-dependencies"])}
    # tests/packaging installs and upgrades what it builds.
    assert {word for word in words if not word.startswith("-")} <= ours | {"apache-airflow-provider-ovhcloud-ai"}


def run_make(line: str, _: Any) -> None:
    targets = re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    _, *words = shlex.split(line)
    assert {word for word in words if "=" not in word} <= set(targets)


def run_python(line: str, _: Any) -> None:
    _, option, what, *words = shlex.split(line)
    if option == "-m":
        assert what == "apache_airflow_provider_ovhcloud_ai.sandbox"
        parser().parse_args(words)  # tests/sandbox runs it
        return
    shell(line, AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT='{"password": "x"}')
    with pytest.raises(AssertionError, match="JSONDecodeError"):
        shell(line, AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT="{password: x}")


def run_env(line: str, _: Any) -> None:
    assert shell(line, AIRFLOW_CONN_MY_OWN="secret").splitlines().count("AIRFLOW_CONN_MY_OWN") == 1


def run_curl(line: str, fixture: Fixture) -> None:
    needs("curl")
    sandbox: Sandbox = fixture("ovh_ai_endpoints_sandbox")
    local = re.sub(r"https://[\w.-]+/v1/", f"{sandbox.base_url}/", line)
    assert local != line
    response = json.loads(shell(local, TOKEN=sandbox.token))
    assert response.get("object") == "list" or "model" in json.dumps(response)
    assert sandbox.requests[-1].headers["authorization"] == f"Bearer {sandbox.token}"


def run_openssl(line: str, _: Any) -> None:
    needs("openssl")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="Some company").issue_cert("127.0.0.1").configure_cert(tls)
    with services.running(lambda _: services.LISTED, tls) as service:
        assert f"{HOST}:443" in line
        assert "Some company" in shell(line.replace(f"{HOST}:443", f"127.0.0.1:{service.server_port}"))


def needs(program: str) -> None:
    if not shutil.which(program):
        missing(f"{program} is not installed: on Debian or Ubuntu, apt-get install {program}")


def run_airflow(line: str, fixture: Fixture) -> None:
    """In this process: one of its own takes six seconds."""
    from airflow.cli import cli_parser

    fixture("airflow_db")
    command, _, tail = line.partition(" | ")
    words = shlex.split(command)[1:]

    def run() -> str:
        options = cli_parser.get_parser().parse_args(words)
        with redirect_stdout(io.StringIO()) as output:
            options.func(options)
        return shell(tail, output.getvalue()) if tail else output.getvalue()

    AIRFLOW[words[0], words[1]](words[2:], run, fixture)


def add_connection(words: list[str], run: Callable[[], str], fixture: Fixture) -> None:
    from airflow.models import Connection
    from airflow.utils.session import create_session

    run()
    with create_session() as session:
        (stored,) = session.query(Connection).filter(Connection.conn_id == words[0])
        fixture("monkeypatch").setenv(f"AIRFLOW_CONN_{words[0].upper()}", stored.get_uri())
        session.delete(stored)
    assert says_the_token(words[0])


def prove_connection(_: Any, run: Callable[[], str], fixture: Fixture) -> None:
    fixture("ovh_ai_endpoints_connection")
    assert "Connection success!" in run()


def run_dag(_: Any, run: Callable[[], str], fixture: Fixture) -> None:
    fixture("ovh_ai_endpoints_connection")
    file = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / "documented.py"
    shutil.copy(ROOT / "example_dags" / "example_quickstart.py", file)
    run()
    file.unlink()
    paths = [request.path for request in fixture("ovh_ai_endpoints_sandbox").requests]
    assert "/v1/chat/completions" in paths


def set_pool(words: list[str], run: Callable[[], str], _: Any) -> None:
    from airflow.models import Pool

    run()
    pool = Pool.get_pool(words[0])
    assert (pool and str(pool.slots)) == words[1]
    Pool.delete_pool(words[0])
    # It is the one of the example above it.
    assert f'pool="{words[0]}"' in (ROOT / "example_dags" / "example_mapped_with_pool.py").read_text(encoding="utf-8")


def list_providers(_: Any, run: Callable[[], str], __: Any) -> None:
    assert PROJECT["name"] in run()


AIRFLOW: dict[tuple[str, str], Callable[[list[str], Callable[[], str], Fixture], None]] = {
    ("connections", "add"): add_connection,
    ("connections", "test"): prove_connection,
    ("dags", "test"): run_dag,
    ("pools", "set"): set_pool,
    ("providers", "list"): list_providers,
}


def set_variable(line: str, fixture: Fixture) -> None:
    (word,) = shlex.split(line)
    name, _, value = word.partition("=")
    if name.startswith("AIRFLOW_CONN_"):
        fixture("monkeypatch").setenv(name, value)
        assert says_the_token(name.removeprefix("AIRFLOW_CONN_").lower())
        return
    assert name.startswith("AIRFLOW__")
    is_an_option(*name.removeprefix("AIRFLOW__").lower().split("__"))


def says_the_token(conn_id: str) -> bool:
    return OVHCloudAIEndpointsHook(ovh_conn_id=conn_id).settings.client.token == TOKEN


COMMANDS: dict[str, Callable[[str, Fixture], None]] = {
    "=": set_variable,
    "airflow": run_airflow,
    "curl": run_curl,
    "env": run_env,
    "make": run_make,
    "openssl": run_openssl,
    "pip": run_pip,
    "python": run_python,
}


def is_an_option(section: str, option: str) -> None:
    from airflow.configuration import conf

    assert option in conf.configuration_description[section]["options"]
