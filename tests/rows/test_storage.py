"""
Files and folders on this machine and in object storage, which behave alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.rows.storage import display_path, find_leftover_target, open_storage


def test_what_is_written_is_listed_read_and_removed(path: Any) -> None:
    folder = open_storage(path)
    assert (folder.kind(), folder.iterdir(), folder.name) == ("", {}, "out")
    folder.mkdir()
    for name, data in (("b.txt", b"old"), ("a.txt", b"first"), ("b.txt", b"second")):
        folder.child(name).write(data)
    assert folder.kind() == "folder"
    assert folder.iterdir() == {"a.txt": "file", "b.txt": "file"}
    file = folder.child("b.txt")
    assert (file.kind(), file.display) == ("file", f"{folder.display}/b.txt")
    for in_order in (True, False):
        with file.open(in_order=in_order) as stream:
            assert stream.read() == b"second"
    for _ in range(2):
        file.remove()
    assert (file.kind(), list(folder.iterdir())) == ("", ["a.txt"])
    with pytest.raises(FileNotFoundError):
        file.open().read()


def test_folders_are_listed_beside_files(path: Any) -> None:
    deeper = open_storage(path / "deeper")
    deeper.mkdir()
    deeper.child("a.txt").write(b"x")
    open_storage(path).child("a.txt").write(b"x")
    assert open_storage(path).iterdir() == {"a.txt": "file", "deeper": "folder"}


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        open_storage(file).write(b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.txt", b"old")]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (f".a.txt.tmp-{'0f' * 16}", "a.txt"),
        (f"a.txt.tmp-{'0f' * 16}", ""),
        (f".a.txt.tmp-{'0f' * 15}", ""),
        (f".tmp-{'0f' * 16}", ""),
        ("a.txt", ""),
    ],
)
def test_which_names_are_of_killed_writers(name: str, target: str) -> None:
    assert find_leftover_target(name) == target


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("sftp://me:secret@host/a:b@c/out", "sftp://me@host/a:b@c/out"),
        ("https://host/out?X-Signature=secret", "https://host/out"),
        ("s3://conn@bucket/out", "s3://conn@bucket/out"),
        ("/data/what?/me:it@home", "/data/what?/me:it@home"),
    ],
)
def test_a_secret_in_a_path_goes_nowhere(text: str, quoted: str) -> None:
    assert display_path(text) == quoted
