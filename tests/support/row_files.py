"""
Files of rows, as other programs write them.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow
import pyarrow.parquet

COLUMNS = ("id", "text")


def as_csv(rows: list[dict[str, Any]], **options: Any) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, **options)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_jsonl(rows: list[Any]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file, **options)
    return file.getvalue()
