"""
Types of Parquet columns whose values differ from part to part.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from support.parquet_folders import NOON, READERS, SOURCES, list_values, read_types, write_folder, write_source

EAST = timezone(timedelta(hours=2))


def test_input_files_that_cannot_share_a_column_are_named(tmp_path: Path) -> None:
    write_source(tmp_path / "in" / "a.parquet", {"x": SOURCES["bool"]})
    write_source(tmp_path / "in" / "b.parquet", {"x": SOURCES["string"]})
    rows = read_rows(tmp_path / "in")
    with pytest.raises(InvalidInputError, match=r"b\.parquet has the type string in the column 'x'.* before it bool"):
        _ = rows.schema
    assert len(list(rows)) == 6


#: Values of one part, those of the next, and the type of the column.
WIDER: dict[str, tuple[list[Any], list[Any], str]] = {
    "int and float": ([1, 2], [2.5], "double"),
    "float and int": ([2.5], [1, 2], "double"),
    "null and int": ([None, None], [4], "int64"),
    "null and bool": ([None], [False], "bool"),
    "null and time": ([None], [NOON], "timestamp[us]"),
    "null and string": ([None], ["a"], "string"),
    "null alone": ([None], [None], "string"),
    "decimals": ([Decimal("9.90")], [Decimal("123.456")], "decimal128(6, 3)"),
    "int and decimal": ([7], [Decimal("1.5")], "decimal128(21, 1)"),
    "zones": ([NOON.replace(tzinfo=UTC)], [NOON.replace(tzinfo=EAST)], "timestamp[us, tz=UTC]"),
    "empty lists": ([[], None], [[1]], "list<element: int64>"),
    "lists of null": ([[None]], [["a"]], "list<element: string>"),
    "lists of null alone": ([[None]], [[]], "list<element: string>"),
    "lists": ([[1]], [[2.5]], "list<element: double>"),
    "structs": (
        [{"a": 1, "b": None}],
        [{"a": 1.5, "c": ["x"]}],
        "struct<a: double, b: string, c: list<element: string>>",
    ),
    "lists of structs": ([[{"a": None}]], [[{"b": 1}]], "list<element: struct<a: string, b: int64>>"),
}


def fill_structs(value: Any, wider: Any) -> Any:
    """Add the fields of the other struct, which are null."""
    if isinstance(value, list):
        return [fill_structs(item, wider[0] if wider else None) for item in value]
    return {**dict.fromkeys([*value, *wider]), **value} if isinstance(value, dict) else value


@pytest.mark.parametrize("order", [1, -1], ids=["wider later", "wider first"])
@pytest.mark.parametrize("name", WIDER)
def test_a_column_is_widened_from_part_to_part(tmp_path: Path, name: str, order: int) -> None:
    first, second, kind = WIDER[name]
    parts = [first, second][::order]
    out = tmp_path / "out"
    rows = [{"id": 1, "x": value} for value in parts[0]] + [{"id": 2}] + [{"id": 3, "x": value} for value in parts[1]]
    write_folder(out, rows, part_size=len(parts[0]))
    if not name.startswith(("structs", "zones", "lists of structs")):
        assert read_types(out)["x"] == kind
    expected = [*parts[0], None, *parts[1]]
    others = {**dict.fromkeys(range(len(parts[0])), parts[1][0])}
    filled = [fill_structs(value, others.get(at, parts[0][0])) for at, value in enumerate(expected)]
    for reader in (*READERS, read_results):
        assert list_values(reader(out)) == filled


CONFLICTS = [
    (1, "secret"),
    (True, 1),
    (1.5, Decimal("1.5")),
    (date(2026, 1, 2), NOON),
    (NOON, NOON.replace(tzinfo=UTC)),
    ("secret", b"secret"),
    (2**53 + 1, 0.5),
    ([2**53 + 1], [0.5]),
    ([1], ["secret"]),
    ([1], 1),
    ({"a": 1}, {"a": "secret"}),
    (Decimal("1" * 30), Decimal("0." + "1" * 30)),
]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("part_size", [1, 2])
@pytest.mark.parametrize("values", CONFLICTS, ids=repr)
def test_values_that_cannot_share_a_column_are_known_before(
    tmp_path: Path, values: Sequence[Any], part_size: int, order: int
) -> None:
    with pytest.raises(InvalidInputError, match=r"column 'x' holds .*[uU]se jsonl") as caught:
        write_folder(tmp_path, [{"x": value} for value in values[::order]], part_size)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert len(list(tmp_path.iterdir())) == 2 - part_size
