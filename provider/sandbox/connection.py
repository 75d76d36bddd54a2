"""The Airflow connection to a sandbox."""

from __future__ import annotations

import json
import shlex
from typing import Any

from ..defaults import CONN_ID, CONN_TYPE

#: Default models of the connection, and a project that doesn't exist.
CHAT_MODEL = "Meta-Llama-3_3-70B-Instruct"
EMBEDDING_MODEL = "bge-m3"
PROJECT_ID = "0" * 32


def connection(port: int, token: str) -> dict[str, Any]:
    """
    Build the fields of the Airflow connection to a sandbox.

    :param port: port of the sandbox
    :param token: token of the sandbox
    :return: the fields of an Airflow connection
    """
    return {
        "conn_type": CONN_TYPE,
        "host": f"http://127.0.0.1:{port}/v1",
        # The host contains it already, but the Test button of Airflow 3.3.1 and 3.3.2 requires it.
        "port": port,
        "password": token,
        "extra": {"chat_model": CHAT_MODEL, "embedding_model": EMBEDDING_MODEL, "project_id": PROJECT_ID},
    }


def command(fields: dict[str, Any]) -> str:
    """
    Write the shell command that creates the connection.

    :param fields: fields as :func:`connection` returns them
    :return: one line, quoted for a shell
    """
    words = ["airflow", "connections", "add", CONN_ID]
    for name, value in fields.items():
        words += [
            f"--conn-{name.removeprefix('conn_')}",
            value if isinstance(value, str) else json.dumps(value),
        ]
    return shlex.join(words)
