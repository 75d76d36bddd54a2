from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.connection import command


def test_connection_reaches_the_sandbox_and_names_models_that_it_serves(
    sandbox: Sandbox, ask: Callable[..., Any]
) -> None:
    fields = sandbox.connection
    assert (fields["conn_type"], fields["host"]) == ("ovh_ai_endpoints", sandbox.base_url)
    assert (fields["port"], fields["password"]) == (sandbox.port, sandbox.token)
    models = {model["id"] for model in ask("/models", method="GET").body["data"]}
    assert {fields["extra"]["chat_model"], fields["extra"]["embedding_model"]} <= models


def test_command_is_one_line_that_a_shell_splits_into_the_fields() -> None:
    line = command({"conn_type": "a", "port": 80, "password": "it's $HOME", "extra": {"b": "c d"}})
    assert "\n" not in line
    words = shlex.split(line)
    assert words[:4] == ["airflow", "connections", "add", "ovh_ai_endpoints_default"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert json.loads(options.pop("--conn-extra")) == {"b": "c d"}
    assert options == {"--conn-type": "a", "--conn-port": "80", "--conn-password": "it's $HOME"}
