"""
Which paths of an author are read, and what is said about the others.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.files.image_inputs import read_images
from apache_airflow_provider_ovhcloud_ai.hooks.files.inputs import InputFile, is_path
from support import s3
from support.input_files import PNG, ObjectStoragePath, Pipe, attach, files, what_is_opened

pytestmark = pytest.mark.airflow


def test_a_relative_path_is_one_below_the_working_folder(png: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(png.parent)
    assert files(read_images(png.name)) == [PNG]


def test_where_a_link_leads(png: Path) -> None:
    link = png.with_name("link")
    link.symlink_to(png)
    assert files(read_images(link)) == [PNG]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (7, r"images must be a path or a list of paths, not 7\."),
        (True, "not True"),
        (PNG, r"not a value of type bytes\."),
        ({"path": "a.png"}, "not a value of type dict"),
        ("", r"images must not be empty\."),
        (["a.png", None], r"images\[1\] must be a path, not None"),
        ([["a.png"]], r"images\[0\] must be a path, not a value of type list"),
        ([" "], r"images\[0\] must not be empty"),
        ("a\0.png", "images is no path: it holds a null character"),
        ("['/tmp/a.png', '/tmp/b.png']", r"a list that a template wrote as text: give .*\(images=task\.output\)"),
        ("http://example.com/a.png", "images is a web address, and neither the service nor this task fetches those"),
        (" HTTPS://example.com/a.png", "download it into a file in a task before"),
        ([Path("https://example.com/a.png")], r"images\[0\] is a web address"),
        ("data:image/png;base64,iVBORw0KGgo=", "images is a data URL and not a path: put it into a message"),
        ("ftp://example.com/a.png", "the storage 'ftp' is not available here"),
        ("no-such-storage://a.png", "the storage 'no-such-storage' is not available here"),
        ("gcs://bucket/a.png", 'pip install "apache-airflow-providers-google", and check the connection'),
    ],
)
def test_what_is_no_path(paths: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_images(paths)


def test_no_secret_of_an_address_is_shown() -> None:
    for address in (
        "https://ada:s3cr3t@example.com/a.png?sig=s3cr3t",
        "data:image/png;base64,s3cr3t",
        "ftp://s3cr3t@x",
    ):
        with pytest.raises(ConfigurationError) as raised:
            read_images(address)
        assert "s3cr3t" not in str(raised.value)


def test_a_file_that_is_not_there(png: Path) -> None:
    for path in (png.with_name("b.png"), png / "b.png", f"file://{png.parent}/b.png", png.parent / ("x" * 5_000)):
        with pytest.raises(
            ConfigurationError, match=r"images\[1\] \(.*\) does not exist where this task runs"
        ) as raised:
            read_images([png, path])
        assert str(png.parent)[:100] in str(raised.value)
        assert len(str(raised.value)) < 600


def test_a_link_in_a_circle(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(ConfigurationError, match=r"images \(.*link\) does not exist"):
        read_images(link)


@pytest.mark.parametrize("form", [str, Path, ObjectStoragePath, lambda path: f"file://{path}"])
def test_a_folder(tmp_path: Path, form: Callable[[Path], Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"images \(.*\) is a folder: name the files in it"):
        read_images(form(tmp_path))


def test_what_would_be_waited_for_is_not_opened(tmp_path: Path) -> None:
    fifo, line = tmp_path / "fifo", tmp_path / "line"
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(line))
        for path in (Path("/dev/zero"), line, fifo):
            with what_is_opened() as paths, pytest.raises(ConfigurationError, match="is no file but a pipe"):
                read_images(path)
            assert paths == []


def test_what_may_not_be_read(pipe: Pipe, piped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError("Access Denied: s3cr3t")

    monkeypatch.setattr(pipe, "_open", refuse)
    with pytest.raises(ConfigurationError, match=r"images \(memory:.*\) may not be read: let the user") as raised:
        read_images(piped)
    monkeypatch.setattr(pipe, "info", refuse)
    with pytest.raises(ConfigurationError, match="may not be read"):
        read_images(piped)
    assert "s3cr3t" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_what_may_pass_by_itself_is_left_to_the_retries(
    pipe: Pipe, piped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise TimeoutError("the storage is slow today")

    monkeypatch.setattr(pipe, "info", fail)
    with pytest.raises(TimeoutError):
        read_images(piped)


def test_what_another_process_wrote_is_seen(bucket: Any, conn_id: str) -> None:
    from s3fs import S3FileSystem

    attach("s3", conn_id, fs=bucket)
    other = S3FileSystem(**bucket.storage_options | {"skip_instance_cache": True})
    other.pipe_file(f"{s3.BUCKET}/in/a.png", b"GIF89a")
    bucket.ls(f"{s3.BUCKET}/in")  # which it remembers
    other.pipe_file(f"{s3.BUCKET}/in/a.png", PNG)
    assert files(read_images(f"s3://{conn_id}@{s3.BUCKET}/in/a.png")) == [PNG]


def test_size_and_beginning_of_a_file(png: Path) -> None:
    file = InputFile(f"file://{png}", "images")
    assert (file.size(), file.read(8), file.read(10_000)) == (len(PNG), PNG[:8], PNG)
    assert (file.label, file.display) == (f"images ({png})", str(png))


def test_a_storage_that_fails_while_it_is_read_is_left_to_the_retries(pipe: Pipe, piped: Any) -> None:
    def read() -> None:
        with InputFile(piped, "images").open() as stream:
            assert stream.read(3) == PNG[:3]
            raise TimeoutError("the storage is slow today")

    with pytest.raises(
        AIEndpointsError, match=r"could not be read to its end: .* \(TimeoutError\)\. Try again"
    ) as raised:
        read()
    assert raised.value.retryable
    assert "slow today" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "expected"), [("a", True), (Path("a"), True), (b"a", False), (7, False), (None, False)]
)
def test_is_path(value: Any, expected: bool) -> None:
    assert is_path(value) is expected
    assert is_path(ObjectStoragePath("file:///a"))
