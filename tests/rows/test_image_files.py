"""
Files of images: what is there already, whose it is, and what is left when writing fails.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.rows.image_files import ImageFiles
from apache_airflow_provider_ovhcloud_ai.rows.storage import open_storage
from support.image_samples import JPEG, PNG

FACTS = {"model": "m", "created": 5}


def files(folder: Path, name: str = "cat.png", count: int = 1, recipe: str = "a") -> ImageFiles:
    return ImageFiles(open_storage(folder), name, count, recipe)


def write_images(folder: Path, *data: bytes, **options: Any) -> ImageFiles:
    image_files = files(folder, count=len(data), **options)
    assert image_files.begin(overwrite=False) == len(data)
    image_files.write([(each, "image/png") for each in data], FACTS)
    return image_files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_has_the_name_asked_for(tmp_path: Path) -> None:
    summary = write_images(tmp_path / "new" / "folder", PNG).summary()
    path = tmp_path / "new" / "folder" / "cat.png"
    assert path.read_bytes() == PNG
    assert summary == {"paths": [str(path)], "types": ["image/png"], "bytes": [len(PNG)], **FACTS}


def test_several_are_numbered(tmp_path: Path) -> None:
    summary = write_images(tmp_path, PNG, PNG + b"2", PNG + b"3").summary()
    assert summary["paths"] == [str(tmp_path / f"cat-{number}.png") for number in (1, 2, 3)]
    assert [Path(path).read_bytes() for path in summary["paths"]] == [PNG, PNG + b"2", PNG + b"3"]
    assert names(tmp_path) == ["_cat.png.json", "cat-1.png", "cat-2.png", "cat-3.png"]


@pytest.mark.parametrize("name", ["cat", "cat.txt", ".png", "png", "", "..", "cat.", "cat.png?x", "cat.png.json"])
def test_a_name_that_is_none_of_an_image(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ends in \.png, \.jpg, \.jpeg, \.webp or \.gif"):
        files(tmp_path, name)


@pytest.mark.parametrize("name", ["cat.PNG", "a.b.jpeg", "chat d'été.webp", "cat.gif"])
def test_a_name_of_an_image(tmp_path: Path, name: str) -> None:
    write_images(tmp_path, PNG, name=name)
    assert (tmp_path / name).read_bytes() == PNG


def test_what_the_same_request_made_is_kept(tmp_path: Path) -> None:
    first = write_images(tmp_path, PNG)
    again = files(tmp_path)
    assert again.begin(overwrite=False) == 0
    assert again.summary() == first.summary()


def test_only_what_is_missing_is_made(tmp_path: Path) -> None:
    write_images(tmp_path, PNG, PNG + b"2", PNG + b"3")
    (tmp_path / "cat-2.png").unlink()
    again = files(tmp_path, count=4)
    assert again.begin(overwrite=False) == 2
    again.write([(PNG + b"new", "image/png"), (PNG + b"4", "image/png")], FACTS)
    contents = [Path(path).read_bytes() for path in again.summary()["paths"]]
    assert contents == [PNG, PNG + b"new", PNG + b"3", PNG + b"4"]
    assert files(tmp_path, count=4).begin(overwrite=False) == 0


@pytest.mark.parametrize("case", ["other request", "changed since", "without a note"])
def test_what_something_else_made_is_refused_and_stays(tmp_path: Path, case: str) -> None:
    write_images(tmp_path, PNG)
    if case == "changed since":
        (tmp_path / "cat.png").write_bytes(PNG + b"!")
    if case == "without a note":
        (tmp_path / "_cat.png.json").unlink()
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(ConfigurationError, match=r"cat\.png exists, and was not made by this prompt, model and size"):
        files(tmp_path, recipe="b" if case == "other request" else "a").begin(overwrite=False)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_overwrite_writes_all_images_again(tmp_path: Path) -> None:
    write_images(tmp_path, PNG)
    for recipe in ("a", "b"):
        again = files(tmp_path, recipe=recipe)
        assert again.begin(overwrite=True) == 1
        again.write([(PNG + recipe.encode(), "image/png")], FACTS)
        assert (tmp_path / "cat.png").read_bytes() == PNG + recipe.encode()
        assert files(tmp_path, recipe=recipe).begin(overwrite=False) == 0


def test_a_request_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    first = files(tmp_path)
    first.begin(overwrite=False)
    assert names(tmp_path) == ["_cat.png.json"]
    first.give_up()
    assert names(tmp_path) == []
    write_images(tmp_path, PNG)
    second = files(tmp_path, recipe="b")
    second.begin(overwrite=True)
    second.give_up()
    assert files(tmp_path).begin(overwrite=False) == 0


def test_a_try_that_was_killed_before_it_wrote_is_no_obstacle(tmp_path: Path) -> None:
    files(tmp_path).begin(overwrite=False)
    assert files(tmp_path, recipe="b").begin(overwrite=False) == 1


def test_a_try_that_was_killed_between_two_files_pays_for_the_second_only(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    class Folder:
        """Ends the process, as far as the files can tell, before the second image."""

        def __init__(self) -> None:
            self._storage = open_storage(tmp_path)
            self.display = self._storage.display

        def mkdir(self) -> None:
            self._storage.mkdir()

        def child(self, name: str) -> Any:
            if name == "cat-2.png" and (tmp_path / "cat-1.png").exists():
                raise Killed
            return self._storage.child(name)

    killed = ImageFiles(Folder(), "cat.png", 2, "a")
    killed.begin(overwrite=False)
    with pytest.raises(Killed):
        killed.write([(PNG, "image/png"), (PNG, "image/png")], FACTS)
    assert files(tmp_path, count=2).begin(overwrite=False) == 1


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "no JSON", '{"kind": "ovhcloud-ai-endpoints-images"}', "[" * 5_000]
)
def test_a_note_of_another_program_is_unchanged(tmp_path: Path, content: str) -> None:
    (tmp_path / "_cat.png.json").write_text(content)
    for overwrite in (False, True):
        with pytest.raises(ConfigurationError, match=r"_cat\.png\.json is needed for a note about the images"):
            files(tmp_path).begin(overwrite=overwrite)
    assert (tmp_path / "_cat.png.json").read_text() == content


@pytest.mark.parametrize("entry", [5, {}, {"sha256": "x", "type": "text/html", "bytes": 5}, {"type": "image/png"}])
def test_a_note_that_was_written_by_hand(tmp_path: Path, entry: Any) -> None:
    write_images(tmp_path, PNG)
    note = json.loads((tmp_path / "_cat.png.json").read_text())
    note["images"]["cat.png"] = entry
    (tmp_path / "_cat.png.json").write_text(json.dumps(note))
    with pytest.raises(ConfigurationError, match="somebody else's file"):
        files(tmp_path).begin(overwrite=False)


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "cat.png").mkdir()
    for overwrite in (False, True):
        with pytest.raises(ConfigurationError, match=r"in .* \(is a folder\), so nothing was sent"):
            files(tmp_path).begin(overwrite=overwrite)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="so nothing was sent"):
        files(tmp_path / "file").begin(overwrite=False)
    with pytest.raises(ConfigurationError, match="so nothing was sent"):
        files(tmp_path / "file" / "deeper").begin(overwrite=False)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"File name too long\), so nothing was sent"):
        files(tmp_path, "x" * 300 + ".png").begin(overwrite=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(ConfigurationError, match=r"Permission denied\), so nothing was sent"):
        files(tmp_path).begin(overwrite=False)


def test_a_storage_that_fails_afterwards_is_a_matter_of_a_retry(tmp_path: Path) -> None:
    image_files = files(tmp_path, count=2)
    image_files.begin(overwrite=False)
    (tmp_path / "cat-2.png").mkdir()
    with pytest.raises(AIEndpointsError, match="could not all be written") as caught:
        image_files.write([(PNG, "image/png"), (PNG, "image/png")], FACTS)
    assert caught.value.retryable
    (tmp_path / "cat-2.png").rmdir()
    assert names(tmp_path) == ["_cat.png.json", "cat-1.png"]
    assert files(tmp_path, count=2).begin(overwrite=False) == 1


@pytest.mark.parametrize(("name", "wrong"), [("cat.png", True), ("cat.jpg", False), ("cat.JPEG", False)])
def test_a_suffix_of_another_type_is_reported(tmp_path: Path, name: str, wrong: bool) -> None:
    image_files = files(tmp_path, name)
    image_files.begin(overwrite=False)
    image_files.write([(JPEG, "image/jpeg")], FACTS)
    assert list(image_files.misnamed()) == ([(str(tmp_path / name), "image/jpeg")] if wrong else [])


def test_the_note_holds_no_prompt(tmp_path: Path) -> None:
    write_images(tmp_path, PNG)
    note = json.loads((tmp_path / "_cat.png.json").read_text())
    assert note.keys() == {"kind", "version", "request", "model", "created", "images"}
    assert note["images"]["cat.png"].keys() == {"sha256", "type", "bytes"}
