from __future__ import annotations

from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_embed
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.decorated import returning, run
from support.requests_seen import bodies

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def test_texts_are_embedded(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    assert len(run(ovh_embed(model="bge-m3"), returning(["a", "b"]))["data"]) == 2
    assert len(run(ovh_embed, returning("a"))["data"]) == 1
    assert [body["input"] for body in bodies(ovh_ai_endpoints_sandbox)] == [["a", "b"], ["a"]]


def test_rows_go_to_a_folder(tmp_path: Path) -> None:
    rows = [{"id": 1, "body": "a"}, {"id": 2, "body": "b"}]
    manifest = run(ovh_embed(text_column="body", output_path=str(tmp_path / "out")), returning(rows))
    assert (manifest["rows"], manifest["path"]) == (2, str(tmp_path / "out"))


def test_rows_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"returned a list of dict: .*dictionaries need an output_path"):
        run(ovh_embed, returning([{"text": "a"}]))
    with pytest.raises(ConfigurationError, match="a list of texts; or rows: a list of dictionaries"):
        run(ovh_embed(output_path=str(tmp_path)), returning([7]))
