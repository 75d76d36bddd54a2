from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_bulk_chat
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.decorated import returning, run
from support.requests_seen import bodies

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def test_rows_are_asked_about_unrendered(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    rows = [{"review": "{{ macros }}"}, {"review": "fine"}]
    ask = ovh_bulk_chat(model="gpt-oss-20b", prompt="Judge: {review}", concurrency=1)
    assert len(run(ask, returning(rows))["answers"]) == 2
    prompts = [body["messages"][0]["content"] for body in bodies(ovh_ai_endpoints_sandbox)]
    assert prompts == ["Judge: {{ macros }}", "Judge: fine"]


def test_answers_go_to_a_folder(tmp_path: Path) -> None:
    ask = ovh_bulk_chat(model="gpt-oss-20b", output_path=str(tmp_path / "out"))
    assert run(ask, returning(["a", "b", "a"]))["rows_duplicate"] == 1


def test_day_without_rows_succeeds(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    assert run(ovh_bulk_chat(model="gpt-oss-20b"), returning([]))["answers"] == []
    assert not ovh_ai_endpoints_sandbox.requests


@pytest.mark.parametrize("value", [None, "a", 5, [5], {"text": "a"}])
def test_other_values_are_refused(ovh_ai_endpoints_sandbox: Sandbox, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="must return rows: a list of texts or of dictionaries"):
        run(ovh_bulk_chat(model="gpt-oss-20b"), returning(value))
    assert not ovh_ai_endpoints_sandbox.requests
