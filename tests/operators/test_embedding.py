"""
The embedding operator: files and rows in, a folder or XCom out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import APIStatusError, ConfigurationError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator as Embedding
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import ModelCardLink
from support.operator_cases import execute
from support.requests_seen import last_body

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


class TestEmbeddingOfFiles:
    def test_a_file_becomes_a_folder_and_a_second_try_pays_nothing(
        self, ovh_ai_endpoints_sandbox: Sandbox, tmp_path: Path
    ) -> None:
        (tmp_path / "in.csv").write_text("id,title\n" + "".join(f"{n},text {n}\n" for n in range(70)))
        options = {
            "input_path": str(tmp_path / "in.csv"),
            "output_path": f"file://{tmp_path}/out",
            "text_column": "title",
        }
        manifest, pushed = execute(Embedding(task_id="t", model="bge-m3", part_size="20", **options))
        assert {name: manifest[name] for name in ("rows", "parts", "rows_reused", "dimensions", "model")} == {
            "rows": 70,
            "parts": 4,
            "rows_reused": 0,
            "dimensions": 1024,
            "model": "bge-m3",
        }
        assert len(json.dumps(manifest)) < 1_000
        assert pushed[ModelCardLink.xcom_key].endswith("/bge-m3/")
        paid = len(ovh_ai_endpoints_sandbox.requests)
        again, _ = execute(Embedding(task_id="t", model="bge-m3", part_size=20, **options))
        assert (again["rows"], len(ovh_ai_endpoints_sandbox.requests)) == (70, paid)

    def test_values_at_hand_become_a_folder_too(self, tmp_path: Path) -> None:
        texts = [{"text": "one", "id": 1}, "two"]
        manifest, _ = execute(Embedding(task_id="t", model="bge-m3", input=texts, output_path=str(tmp_path / "out")))
        assert manifest["rows"] == 2

    def test_a_file_goes_to_xcom_as_values_do(self, ovh_ai_endpoints_sandbox: Sandbox, tmp_path: Path) -> None:
        (tmp_path / "in.txt").write_text("one\n\ntwo\n")
        response, _ = execute(Embedding(task_id="t", model="bge-m3", input_path=str(tmp_path / "in.txt")))
        assert len(response["data"]) == 2
        assert last_body(ovh_ai_endpoints_sandbox)["input"] == ["one", "two"]

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"input": "a", "input_path": "/x.txt"}, "Give either input or input_path, not both"),
            ({"input_path": "/not/there.jsonl"}, "There is no file or folder /not/there.jsonl"),
            (
                {"input_path": "nowhere://x/y.jsonl"},
                "input_path cannot be used: the storage 'nowhere' is not available",
            ),
            ({"input": ["a"], "output_path": "nowhere://x/y"}, "output_path cannot be used"),
            ({"input": ["a"], "output_path": "/tmp/o", "output_format": "xml"}, "output_format must be one of"),
            ({"input": 5, "output_path": "/tmp/o"}, "must be a list of texts or of dictionaries"),
        ],
    )
    def test_refused_before_anything_is_sent(
        self, ovh_ai_endpoints_sandbox: Sandbox, options: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=sentence):
            execute(Embedding(task_id="t", model="bge-m3", **options))
        assert not ovh_ai_endpoints_sandbox.requests

    def test_a_misspelt_column_is_named_with_those_that_are_there(
        self, ovh_ai_endpoints_sandbox: Sandbox, tmp_path: Path
    ) -> None:
        (tmp_path / "rows.csv").write_text("id,body\n1,a\n")
        with pytest.raises(InvalidInputError, match=r"in the column 'text': .* but id, body. text_column names"):
            execute(Embedding(task_id="t", model="bge-m3", input_path=str(tmp_path / "rows.csv")))
        assert not ovh_ai_endpoints_sandbox.requests

    def test_long_texts_are_cut_as_templated_values_say(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(
            Embedding(task_id="t", model="bge-m3", input="word " * 90, on_long_text="truncate", max_text_tokens="100")
        )
        (request,) = ovh_ai_endpoints_sandbox.requests
        assert 30 < len(json.loads(request.body)["input"][0].split()) < 90

    def test_a_large_xcom_is_warned_about_before_it_is_paid_for(
        self, ovh_ai_endpoints_sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=400, times=99)
        with pytest.raises(APIStatusError):
            execute(Embedding(task_id="t", model="bge-m3", input=["a"] * 1_001))
        assert "1,001 vectors will go to XCom" in caplog.text + "".join(capfd.readouterr())
