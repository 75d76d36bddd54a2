from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.files.object_path import to_object_path
from support.input_files import ObjectStoragePath, Pipe

pytestmark = pytest.mark.airflow


def test_paths_and_urls_become_airflows_paths(tmp_path: Path) -> None:
    for value in (tmp_path, str(tmp_path), f"file://{tmp_path}", ObjectStoragePath(f"file://{tmp_path}")):
        path = to_object_path(value, "output_path")
        assert isinstance(path, ObjectStoragePath)
        assert path.path == str(tmp_path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "output_path must not be empty"),
        ("/tmp/" + "x" * 256, "output_path must be a path whose names have 255 bytes each at most"),
        ("é" * 128, "output_path must be a path whose names have 255 bytes each at most"),
        ("nowhere://x/y", "the storage 'nowhere' is not available here .*: install the Airflow provider"),
        ("gs://bucket/x", r'pip install "apache-airflow-providers-google"'),
    ],
)
def test_path_that_this_airflow_cannot_use(value: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        to_object_path(value, "output_path")


def test_key_of_an_object_may_be_longer_than_the_name_of_a_file(pipe: Pipe, tmp_path: Path) -> None:
    path = to_object_path(f"memory://{tmp_path.name}@bucket/{'x' * 300}", "output_path")
    assert (path.name, path.fs) == ("x" * 300, pipe)


def test_no_secret_of_a_storage_is_shown() -> None:
    with pytest.raises(ConfigurationError) as raised:
        to_object_path("nowhere://ada:s3cr3t@x/y", "output_path")
    assert "s3cr3t" not in str(raised.value)
