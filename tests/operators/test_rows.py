from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowSkipException
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators._rows import RowsOperator

pytestmark = pytest.mark.airflow


def build_operator(**fields: Any) -> RowsOperator:
    return RowsOperator(task_id="t", **fields)


def test_rows_are_values_or_files(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("one\ntwo\n")
    rows = [{"text": "one"}, {"text": "two"}]
    assert list(build_operator().read_rows(["one", {"text": "two"}], "rows")) == rows
    for path in (tmp_path / "rows.txt", f"file://{tmp_path}/rows.txt"):
        assert list(build_operator(input_path=path).read_rows(None, "rows")) == rows


def test_a_task_may_have_no_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\n")
    (tmp_path / "rows.txt").write_text("")
    assert list(build_operator().read_rows([], "rows")) == []
    for name in ("rows.csv", "rows.txt"):
        assert list(build_operator(input_path=tmp_path / name).read_rows(None, "rows")) == []


@pytest.mark.parametrize(
    ("values", "fields", "words"),
    [
        ("", {}, "must be a list of texts or of dictionaries"),
        (None, {}, "must be a list of texts or of dictionaries"),
        (["a"], {"input_path": "/x.txt"}, "Give either input or input_path, not both"),
        ([], {"input_path": "/x.txt"}, "Give either input or input_path, not both"),
        (["a"], {"on_empty": "never"}, "on_empty must be 'succeed', 'skip' or 'fail', not 'never'"),
        (None, {"input_path": "/not/there.jsonl"}, "There is no file or folder /not/there.jsonl"),
        (None, {"input_path": "/not/there.jsonl", "input_format": "xml"}, "must be one of jsonl"),
        (
            None,
            {"input_path": "nowhere://x/y.jsonl"},
            "input_path cannot be used: the storage 'nowhere' is not available",
        ),
    ],
)
def test_rows_that_cannot_be_read(values: Any, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        build_operator(**fields).read_rows(values, "input")


def test_on_empty_is_for_tasks_without_rows() -> None:
    build_operator().check_empty(0)
    with pytest.raises(AirflowSkipException, match="There are no rows"):
        build_operator(on_empty="skip").check_empty(0)
    with pytest.raises(ConfigurationError, match="set on_empty='succeed'"):
        build_operator(on_empty="fail").check_empty(0)
    for on_empty in ("succeed", "skip", "fail"):
        build_operator(on_empty=on_empty).check_empty(1)
