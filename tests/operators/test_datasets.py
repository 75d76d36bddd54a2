from __future__ import annotations

from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.operators._datasets import DatasetRef, to_dataset_ref

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("path", "uri", "namespace", "name"),
    [
        ("s3://lake@bucket/a/b", "s3://bucket/a/b", "s3://bucket", "a/b"),
        ("s3://bucket/a/b/", "s3://bucket/a/b", "s3://bucket", "a/b"),
        ("gs://bucket", "gs://bucket", "gs://bucket", "/"),
        ("abfs://lake:secret@files/a?sig=secret", "abfs://files/a", "abfs://files", "a"),
        ("/data/out", "file:///data/out", "file", "/data/out"),
        ("file:///data/out", "file:///data/out", "file", "/data/out"),
        ("/data/a b", "file:///data/a%20b", "file", "/data/a b"),
    ],
)
def test_an_address_says_where_and_not_as_whom(path: str, uri: str, namespace: str, name: str) -> None:
    assert to_dataset_ref(path) == DatasetRef(uri, namespace, name)


def test_a_relative_path_is_one_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert to_dataset_ref("out").name == str(tmp_path / "out")
