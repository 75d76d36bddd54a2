from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators._rows import read_rows

pytestmark = pytest.mark.airflow


def test_rows_are_values_or_files(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("one\ntwo\n")
    rows = [{"text": "one"}, {"text": "two"}]
    assert list(read_rows(["one", {"text": "two"}], None, None, "rows")) == rows
    for path in (tmp_path / "rows.txt", f"file://{tmp_path}/rows.txt"):
        assert list(read_rows(None, path, None, "rows")) == rows


@pytest.mark.parametrize(
    ("values", "path", "kind", "words"),
    [
        ([], None, None, "input must hold at least one row"),
        ("", None, None, "input must hold at least one row"),
        (None, None, None, "must be a list of texts or of dictionaries"),
        (["a"], "/x.txt", None, "Give either input or input_path, not both"),
        ([], "/x.txt", None, "Give either input or input_path, not both"),
        (None, "/not/there.jsonl", None, "There is no file or folder /not/there.jsonl"),
        (None, "/not/there.jsonl", "xml", "must be one of jsonl"),
        (None, "nowhere://x/y.jsonl", None, "input_path cannot be used: the storage 'nowhere' is not available"),
    ],
)
def test_rows_that_cannot_be_read(values: Any, path: Any, kind: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_rows(values, path, kind, "input")
