"""
Memory does not grow with the corpus.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from apache_airflow_provider_ovhcloud_ai.rows import part_names
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows

pytestmark = pytest.mark.slow

COUNTS = (2_500, 50_000)
TEXT = "some text of a corpus " * 9


def corpus(path: Path, kind: str, count: int) -> Path:
    file = path / f"{count}.{kind}"
    if kind == "parquet":
        # One row group, as pandas writes it.
        table = pyarrow.table({"id": range(count), "text": [f"{n} {TEXT}" for n in range(count)]})
        pyarrow.parquet.write_table(table, file, compression="none", use_dictionary=False)
    else:
        with file.open("w") as lines:
            lines.writelines(f'{{"id": {n}, "text": "{n} {TEXT}"}}\n' for n in range(count))
    return file


def work(source: Any, out: Path, kind: str) -> tuple[int, int]:
    """Peaks of Python's memory and of pyarrow's, while a file is read and its rows are written in parts."""
    pool = pyarrow.default_memory_pool()
    before, highest = pool.bytes_allocated(), 0
    tracemalloc.start()
    folder = Folder(out, kind, {"model": "m"})
    folder.begin()
    for index, rows in part_names.split(read_rows(source), 250):
        folder.write(folder.build_name(index, rows), [{**row, "answer": "yes"} for row in rows])
        highest = max(highest, pool.bytes_allocated() - before)
    folder.finish({})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, highest


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_twenty_times_the_rows_take_no_more_memory(tmp_path: Path, kind: str) -> None:
    files = [corpus(tmp_path, kind, count) for count in COUNTS]
    work(files[0], tmp_path / "first", kind)  # what is loaded once is not counted
    (python, arrow), (pythons, arrows) = [work(file, tmp_path / file.stem, kind) for file in files]
    print(f"{kind}: Python {python:,} and {pythons:,} bytes, pyarrow {arrow:,} and {arrows:,}")
    # Some bytes a part are its name in the manifest; a buffer of a column is 1 MB.
    assert pythons < 1.5 * python + 1_000_000
    assert arrows < 1.5 * arrow + 4_000_000
    assert files[1].stat().st_size > 10_000_000
