from __future__ import annotations

import errno
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.files.outputs import OutputFile
from support.input_files import Pipe

pytestmark = pytest.mark.airflow


def test_file_is_written_below_a_new_folder_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "talk.TXT"
    file = OutputFile(str(path), "output_path", ["txt", "json"])
    assert (file.kind, file.display, path.exists()) == ("txt", str(path), False)
    for data in (b"first", b"second"):
        file.write(data)
        assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("talk.mp3", r"must end in \.txt, \.json"),
        ("talk", r"must end in \.txt, \.json"),
        ("folder.txt", "is a folder: name a file in it"),
        ("file/talk.txt", "cannot be written"),
    ],
)
def test_path_that_cannot_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=words):
        OutputFile(tmp_path / name, "output_path", ["txt", "json"])


def test_storage_that_fails_is_left_to_the_retries(tmp_path: Path, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "s3cr3t")

    file = OutputFile(f"memory://{tmp_path.name}@/talk.txt", "output_path", ["txt"])
    monkeypatch.setattr(pipe, "pipe_file", fail)
    with pytest.raises(AIEndpointsError, match=r"could not be written: its storage failed \(OSError\)") as raised:
        file.write(b"text")
    assert raised.value.retryable
    assert "s3cr3t" not in str(raised.value)
