"""
Splitting into parts, and names that change with the content and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import formats, part_names
from hypothesis import given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ROWS = st.lists(st.dictionaries(st.text(), SCALARS), max_size=40)
RECIPE = {"model": "bge-m3", "dimensions": 64, "template": "{text}", "stop": ["a", "b"]}


def names(rows: list[dict[str, Any]], size: int, recipe: Any = RECIPE, kind: str = "jsonl") -> list[str]:
    run = part_names.run_digest(recipe, kind, None)
    return [
        part_names.build_part_name(index, part_names.digest(run, part), kind)
        for index, part in part_names.split(rows, size)
    ]


@given(rows=ROWS, size=st.integers(1, 50))
def test_parts_put_together_are_the_input(rows: list[dict[str, Any]], size: int) -> None:
    parts = list(part_names.split(iter(rows), size))
    assert [row for _, part in parts for row in part] == rows
    assert [index for index, _ in parts] == list(range(-(-len(rows) // size)))
    assert all(len(part) == size for _, part in parts[:-1])


def test_only_one_part_is_taken_at_a_time() -> None:
    count = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal count
        while True:
            count += 1
            yield {"n": count}

    parts = part_names.split(rows(), 10)
    assert next(parts)[0] == 0
    assert count == 10


@given(rows=ROWS.filter(bool), size=st.integers(1, 10), data=st.data())
def test_a_changed_row_changes_the_name_of_its_part_alone(rows: list[dict[str, Any]], size: int, data: Any) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    changed = [*rows[:place], {**rows[place], "one more": None}, *rows[place + 1 :]]
    differ = [n for n, (old, new) in enumerate(zip(names(rows, size), names(changed, size), strict=True)) if old != new]
    assert differ == [place // size]


@given(rows=ROWS.filter(bool), size=st.integers(1, 10))
@pytest.mark.parametrize(
    "recipe",
    [
        {**RECIPE, "model": "bge-m4"},
        {**RECIPE, "dimensions": 65},
        {**RECIPE, "dimensions": "64"},
        {**RECIPE, "stop": ["b", "a"]},
        {**RECIPE, "temperature": None},
        {},
    ],
)
def test_a_changed_recipe_changes_all_names(rows: list[dict[str, Any]], size: int, recipe: Any) -> None:
    assert not set(names(rows, size)) & set(names(rows, size, recipe))


def test_the_order_of_the_recipe_does_not_matter() -> None:
    rows = [{"a": 1}]
    assert names(rows, 1) == names(rows, 1, dict(reversed(RECIPE.items())))


def test_format_version_and_vectors_change_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {part_names.run_digest(RECIPE, kind, field) for kind in formats.SUFFIXES for field in (None, "vector", "v")}
    assert len(runs) == 9
    monkeypatch.setattr(formats, "VERSION", 2)
    assert part_names.run_digest(RECIPE, "jsonl", None) not in runs


@given(rows=st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=3)), min_size=2, max_size=6))
def test_where_a_row_ends_is_part_of_the_content(rows: list[dict[str, str]]) -> None:
    run = part_names.run_digest(RECIPE, "jsonl", None)
    assert part_names.digest(run, rows) != part_names.digest(run, rows[:-1])
    assert (part_names.digest(run, rows) == part_names.digest(run, rows[::-1])) is (rows == rows[::-1])


def test_names_are_the_same_tomorrow() -> None:
    rows = [{"text": "déjà vu", "n": 1.5}, {"text": None}]
    assert names(rows, 1) == ["part-00000-0623f2c8ee7f9453.jsonl", "part-00001-dea5218687bc94a7.jsonl"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("part-00000-0123456789abcdef.jsonl", True),
        ("part-123456-0123456789abcdef.parquet", True),
        ("part-00000-0123456789abcdef.npy", True),
        ("part-0000-0123456789abcdef.npy", False),
        ("part-00000-0123456789ABCDEF.npy", False),
        ("part-00000-0123456789abcde.npy", False),
        ("part-00000-0123456789abcdef.csv", False),
        ("part-00000-0123456789abcdef.jsonl\n", False),
        ("part-00000-0123456789abcdef.jsonl.gz", False),
        ("part-00000-3f2b7c1e-aaaa-bbbb-cccc-123456789abc-c000.snappy.parquet", False),
        ("my-part-00000-0123456789abcdef.jsonl", False),
    ],
)
def test_which_names_are_ours(name: str, ours: bool) -> None:
    assert part_names.is_ours(name) is ours


@pytest.mark.parametrize("kind", formats.SUFFIXES)
def test_every_file_of_a_part_is_ours_and_the_last_one_names_it(kind: str) -> None:
    (name,) = names([{"a": 1}], 1, kind=kind)
    assert part_names.list_files(name)[-1] == name
    assert all(part_names.is_ours(file) for file in part_names.list_files(name))
    assert re.fullmatch(rf"part-00000-[0-9a-f]{{16}}\.{kind}", name)


def test_a_row_that_cannot_be_compared_is_named_by_its_place() -> None:
    with pytest.raises(InvalidInputError, match="Row 1 of a part cannot be written as JSON: it holds a value of type"):
        part_names.digest("", [{"a": 1}, {"a": object()}])
    with pytest.raises(InvalidInputError, match="The recipe cannot be written"):
        part_names.run_digest({"a": object()}, "jsonl", None)


def test_records_with_an_error_are_found() -> None:
    assert part_names.failed([{"error": None}, {"error": "no"}, {}, {"error": ""}]) == [1, 3]
