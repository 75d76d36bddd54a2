"""
A folder of parts through interrupted, repeated and changed runs, on this machine and in object storage.
"""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import formats, part_names
from apache_airflow_provider_ovhcloud_ai.rows.folder import MANIFEST, Folder
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows

RECIPE = {"model": "bge-m3", "dimensions": 2}
KINDS = list(formats.SUFFIXES)
LEFTOVER = f".part-00000-{'0' * 16}.jsonl.tmp-{'0' * 32}"


def texts(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"text {n}"} for n in range(start, start + count)]


def result(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "vector": array("f", [row["id"], 0.5])}


class Run:
    """A task that embeds rows, and counts what it pays for."""

    def __init__(self, path: Any, kind: str = "jsonl", recipe: Any = RECIPE) -> None:
        self.folder = Folder(path, kind, recipe, vectors="vector")
        self.paid: list[int] = []

    def go(self, rows: list[dict[str, Any]], size: int = 10, dies_at: int | None = None) -> Any:
        self.folder.begin()
        for index, part in part_names.split(rows, size):
            if index == dies_at:
                return None
            name = self.folder.build_name(index, part)
            if not self.folder.has(name):
                self.paid.append(index)
                self.folder.write(name, [result(row) for row in part])
        return self.folder.finish({"model": "bge-m3", "usage": {"total_tokens": 7}})


def list_names(path: Any) -> set[str]:
    """Names in the folder, as the storage tells them now."""
    if hasattr(path, "fs"):
        path.fs.invalidate_cache()
    return {each.name for each in path.iterdir()} if path.exists() else set()


def manifest(path: Any) -> Any:
    return json.loads((path / MANIFEST).read_bytes())


def put(path: Any, name: str, data: bytes) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_leaves_its_parts_and_a_manifest(path: Any, kind: str) -> None:
    run = Run(path, kind)
    summary = run.go(texts(25))
    content = manifest(path)
    names = [part["name"] for part in content["parts"]]
    assert list_names(path) == {MANIFEST, *(file for name in names for file in part_names.list_files(name))}
    assert [part["rows"] for part in content["parts"]] == [10, 10, 5]
    assert [record for name in names for record in run.folder.read(name)] == [result(row) for row in texts(25)]
    same = {
        "format": kind,
        "rows": 25,
        "failed": 0,
        "model": "bge-m3",
        "usage": {"total_tokens": 7},
        "usage_total": {"total_tokens": 7},
        "recipe_digest": content["recipe_digest"],
        "digest": content["digest"],
    }
    rest = {"version": 1, "vectors": "vector", "recipe": RECIPE, "parts": content["parts"]}
    assert content == {"kind": "ovhcloud-ai-endpoints", **rest, **same}
    assert summary == {"path": str(path), "parts": 3, **same}
    if kind != "npy":
        rows = [{**row, "vector": list(row["vector"])} for row in map(result, texts(25))]
        assert list(read_rows(path)) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_that_is_tried_again_pays_for_what_is_missing(path: Any, kind: str) -> None:
    assert Run(path, kind).go(texts(45), dies_at=3) is None
    assert MANIFEST not in list_names(path)
    again = Run(path, kind)
    assert again.go(texts(45))["parts"] == 5
    assert again.paid == [3, 4]
    assert manifest(path)["rows"] == 45


def test_a_finished_run_repeated_changes_nothing(path: Any) -> None:
    first = Run(path).go(texts(25))
    before = (path / MANIFEST).read_bytes()
    again = Run(path)
    again.folder.begin()
    assert MANIFEST in list_names(path)
    assert again.go(texts(25)) == first
    assert again.paid == []
    assert (path / MANIFEST).read_bytes() == before


@pytest.mark.parametrize("recipe", [{**RECIPE, "model": "other"}, {**RECIPE, "dimensions": 3}])
def test_another_recipe_never_meets_old_parts(path: Any, recipe: Any) -> None:
    Run(path).go(texts(25))
    old = list_names(path) - {MANIFEST}
    other = Run(path, recipe=recipe)
    other.go(texts(25), dies_at=1)
    assert (other.paid, MANIFEST in list_names(path)) == ([0], False)
    other = Run(path, recipe=recipe)
    other.go(texts(25))
    assert (other.paid, manifest(path)["recipe"]) == ([1, 2], recipe)
    assert not list_names(path) & old
    assert len(list_names(path)) == 4


def test_another_format_replaces_the_parts(path: Any) -> None:
    for kind in ("npy", "jsonl", "npy", "parquet"):
        run = Run(path, kind)
        run.go(texts(25))
        assert run.paid == [0, 1, 2]
        assert {name.rpartition(".")[2] for name in list_names(path)} == {"json", *formats.SUFFIXES[kind]}


def test_changed_input_keeps_what_has_not_changed(path: Any) -> None:
    Run(path).go(texts(40))
    old = list_names(path)
    run = Run(path)
    run.go([*texts(10), *texts(10, start=900), *texts(10, start=20)])
    assert run.paid == [1]
    assert len(list_names(path)) == 4
    assert len(list_names(path) & old) == 3  # two parts, and the name of the manifest
    assert (manifest(path)["rows"], len(manifest(path)["parts"])) == (30, 3)


def test_shorter_input_of_the_same_recipe_is_another_run(path: Any) -> None:
    Run(path).go(texts(40))
    run = Run(path)
    assert run.go(texts(20))["rows"] == 20
    assert run.paid == []
    assert len(list_names(path)) == 3
    assert manifest(path)["rows"] == 20


def test_while_a_part_is_made_again_there_is_no_manifest(path: Any) -> None:
    Run(path).go(texts(20))
    (victim, *_) = [name for name in list_names(path) if name != MANIFEST]
    (path / victim).unlink()
    assert Run(path).go(texts(20), dies_at=0) is None
    assert MANIFEST in list_names(path)
    run = Run(path)
    run.folder.begin()
    for index, part in part_names.split(texts(20), 10):
        name = run.folder.build_name(index, part)
        if not run.folder.has(name):
            assert name == victim
            run.folder.write(name, [result(row) for row in part])
    assert MANIFEST not in list_names(path)


def test_rows_that_failed_are_done_again_in_their_part(path: Any) -> None:
    rows = texts(4)
    first = Folder(path, "jsonl", RECIPE)
    first.begin()
    name = first.build_name(0, rows)
    first.write(name, [{**row, "answer": "yes"} if row["id"] != 2 else {**row, "error": "too long"} for row in rows])
    assert first.finish({})["failed"] == 1

    again = Folder(path, "jsonl", RECIPE)
    again.begin()
    records = again.read(again.build_name(0, rows))
    assert part_names.failed(records) == [2]
    records[2] = {**rows[2], "answer": "no"}
    again.write(name, records)
    assert MANIFEST not in list_names(path)
    assert again.finish({})["failed"] == manifest(path)["failed"] == 0
    assert [record["answer"] for record in again.read(name)] == ["yes", "yes", "no", "yes"]


def test_failures_that_stay_are_counted_when_read(path: Any) -> None:
    rows = texts(2)
    for _ in range(2):
        folder = Folder(path, "jsonl", RECIPE)
        folder.begin()
        name = folder.build_name(0, rows)
        if folder.has(name):
            folder.read(name)
        else:
            folder.write(name, [{**row, "error": "no"} for row in rows])
        (path / MANIFEST).unlink(missing_ok=True)
        assert folder.finish({})["failed"] == 2


def test_a_matrix_is_complete_with_both_files_only(path: Any) -> None:
    Run(path, "npy").go(texts(20))
    for suffix in ("jsonl", "npy"):
        victim = min(name for name in list_names(path) if name.endswith(suffix))
        (path / victim).unlink()
        run = Run(path, "npy")
        run.go(texts(20))
        assert run.paid == [0]
        assert len(list_names(path)) == 5


def test_a_matrix_rewritten_is_incomplete_until_both_files_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = texts(2)
    run = Run(tmp_path, "npy")
    run.go(rows)
    name = run.folder.build_name(0, rows)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        run.folder.write(name, [result(row) for row in rows])
    assert (run.folder.has(name), Folder(tmp_path, "npy", RECIPE, vectors="vector").begin()) == (False, None)
    assert list_names(tmp_path) == {name.replace(".npy", ".jsonl")}


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("thesis.docx", b"x", "holds files of somebody else, such as 'thesis.docx'"),
        ("part-00000-c000.snappy.parquet", b"x", "holds files of somebody else"),
        ("_manifest.json", b'{"kind": "dbt"}', "has a _manifest.json that is not of this provider"),
        ("_manifest.json", b'["kind"]', "has a _manifest.json that is not of this provider"),
        ("_manifest.json", b"\xff{", "has a _manifest.json that is not of this provider"),
    ],
)
def test_folder_of_another_program_is_refused_and_unchanged(path: Any, name: str, data: bytes, says: str) -> None:
    put(path, LEFTOVER, b"half")
    put(path, name, data)
    with pytest.raises(ConfigurationError, match=says) as caught:
        Run(path).go(texts(5))
    assert "choose another" in str(caught.value)
    assert list_names(path) == {LEFTOVER, name}
    assert (path / name).read_bytes() == data


def test_hidden_files_of_others_do_not_matter_and_stay(path: Any) -> None:
    others = {".DS_Store", "_SUCCESS", ".part-x.tmp-1", f".thesis.tmp-{'0' * 32}"}
    for name in others:
        put(path, name, b"x")
    for recipe in (RECIPE, {}):
        Run(path, recipe=recipe).go(texts(5))
        assert list_names(path) > others
        assert len(list_names(path)) == len(others) + 2


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(ConfigurationError, match="such as 'data'"):
        Run(tmp_path).go(texts(5))


def test_a_file_is_no_folder(path: Any) -> None:
    put(path.parent, path.name, b"x")
    with pytest.raises(ConfigurationError, match="is a file: choose a folder"):
        Run(path).go(texts(5))
    assert path.read_bytes() == b"x"


def test_what_killed_tasks_left_is_removed(path: Any) -> None:
    put(path, LEFTOVER, b"half")
    put(path, f"._manifest.json.tmp-{'f' * 32}", b"half")
    Run(path).folder.begin()
    assert list_names(path) == set()


def test_a_run_without_rows_is_a_manifest(path: Any) -> None:
    assert Run(path).go([])["rows"] == 0
    assert list_names(path) == {MANIFEST}


def test_a_part_that_was_never_written_cannot_be_finished(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "jsonl", RECIPE)
    folder.begin()
    name = folder.build_name(0, texts(2))
    with pytest.raises(ValueError, match="1 parts were never written"):
        folder.finish({})
    with pytest.raises(ValueError, match="1 records for 2 rows"):
        folder.write(name, texts(1))
    assert list_names(tmp_path) == set()


def test_rows_that_do_not_fit_are_known_before_they_are_paid_for(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "parquet", RECIPE)
    folder.begin()
    with pytest.raises(InvalidInputError, match="column 'a'"):
        folder.build_name(0, [{"a": 1}, {"a": "text"}])


def test_pyarrow_is_asked_for_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r'pip install "airflow-provider-ovhcloud-ai\[parquet\]"'):
        Folder(tmp_path / "out", "parquet", RECIPE)
    assert list_names(tmp_path) == set()


def test_the_manifest_is_small_enough_for_xcom_without_its_parts(tmp_path: Path) -> None:
    recipe = {**RECIPE, "template": "x" * 10_000}
    folder = Folder(tmp_path, "jsonl", recipe)
    folder.begin()
    for index, part in part_names.split(texts(200), 1):
        folder.write(folder.build_name(index, part), part)
    assert len(json.dumps(folder.finish({"usage": {}}))) < 400
    assert len(manifest(tmp_path)["parts"]) == 200
