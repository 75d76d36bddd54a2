"""
A finished folder read back, in each format and from each kind of storage.
"""

from __future__ import annotations

import json
import tracemalloc
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import upath
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import formats, part_names
from apache_airflow_provider_ovhcloud_ai.rows.folder import MANIFEST, Folder
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from support import s3


def texts(count: int) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"text {n}"} for n in range(count)]


def write(path: Any, kind: str, count: int, *, dimensions: int = 2, finish: bool = True) -> None:
    folder = Folder(path, kind, {"model": "bge-m3"}, vectors="embedding")
    folder.begin()
    for index, part in part_names.split(texts(count), 10):
        records = [{**row, "embedding": array("f", [row["id"], *[0.5] * (dimensions - 1)])} for row in part]
        folder.write(folder.build_name(index, part), records)
    if finish:
        folder.finish({})


@pytest.mark.parametrize("kind", formats.SUFFIXES)
def test_rows_come_back_in_their_order_with_lists_of_floats(tmp_path: Path, kind: str) -> None:
    write(tmp_path, kind, 25)
    assert list(read_results(tmp_path)) == [
        {"id": n, "text": f"text {n}", "embedding": [float(n), 0.5]} for n in range(25)
    ]


def test_from_object_storage() -> None:
    with s3.serving() as options:
        path = upath.UPath(f"s3://{s3.BUCKET}/vectors", **options)
        write(path, "jsonl", 25)
        assert [row["id"] for row in read_results(path)] == list(range(25))


def test_one_part_is_in_memory_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, "npy", 400, dimensions=1_024)

    def peak(rows: Iterator[Any]) -> int:
        tracemalloc.start()
        for _ in rows:
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(read_results(tmp_path))  # what is imported and kept once
    assert peak(read_results(tmp_path)) < 1.5 * peak(islice(read_results(tmp_path), 40))


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigurationError, match=r"has no _manifest.json: the run that writes it has not finished"):
            list(read_results(folder))
    write(tmp_path, "jsonl", 25, finish=False)
    with pytest.raises(ConfigurationError, match="has not finished"):
        list(read_results(tmp_path))


def test_a_folder_that_was_changed_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "jsonl", 25)
    first, second, _ = sorted(tmp_path.glob("part-*"))
    lines = second.read_text().splitlines(keepends=True)
    second.write_text("".join(lines[:-1]))
    with pytest.raises(InvalidInputError, match=f"{second.name} in .* has 9 rows, not 10"):
        list(read_results(tmp_path))
    first.unlink()
    with pytest.raises(InvalidInputError, match=f"lacks {first.name}, which its _manifest.json names"):
        list(read_results(tmp_path))


def test_manifest_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"kind": "other"}))
    with pytest.raises(ConfigurationError, match="not of this provider"):
        list(read_results(tmp_path))
