"""
Rows from real files, in every format, and the sentence for each thing that can be wrong with one.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows.reading import check, from_values, read_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.row_files import as_csv, as_jsonl, as_parquet

SECRET = "what-nobody-may-see"
ROWS = [{"id": "1", "text": "déjà vu"}, {"id": "2", "text": 'two\nlines, and a "quote"'}, {"id": "3", "text": ""}]


def shorten(value: str | bytes) -> str:
    """Make the id of a case, the same in each process."""
    return value if isinstance(value, str) else repr(value[:30])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", as_jsonl(ROWS)),
        ("a.ndjson", as_jsonl(ROWS).replace(b"\n", b"\r\n")),
        ("a.JSONL", b"\n" + as_jsonl(ROWS).replace(b"\n", b"\n \n").rstrip()),
        ("bom.jsonl", b"\xef\xbb\xbf" + as_jsonl(ROWS)),
        ("a.jsonl.gz", gzip.compress(as_jsonl(ROWS), mtime=0)),
        ("a.csv", as_csv(ROWS)),
        ("unix.csv", as_csv(ROWS, lineterminator="\n")),
        ("bom.csv", b"\xef\xbb\xbf" + as_csv(ROWS)),
        ("quoted.csv", as_csv(ROWS, quoting=csv.QUOTE_ALL).rstrip()),
        ("a.csv.gz", gzip.compress(as_csv(ROWS)[:20], mtime=0) + gzip.compress(as_csv(ROWS)[20:], mtime=0)),
        ("a.parquet", as_parquet(ROWS)),
    ],
    ids=shorten,
)
def test_every_format_gives_the_same_rows(file: Callable[..., Path], name: str, data: bytes) -> None:
    path = file(name, data)
    check(path)
    assert list(read_rows(path)) == ROWS


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_of_text(file: Callable[..., Path], suffix: str) -> None:
    data = b"\xef\xbb\xbf one\r\n\n \t\r\ntwo \x0c\xe2\x80\xa8still two\nlast"
    path = file(f"a.txt{suffix}", gzip.compress(data) if suffix else data)
    assert list(read_rows(path)) == [{"text": " one"}, {"text": "two \x0c\u2028still two"}, {"text": "last"}]


def test_a_line_of_json_may_be_a_text(file: Callable[..., Path]) -> None:
    path = file("a.jsonl", b'"one"\n{"text": "two", "n": 1.5}\n')
    assert list(read_rows(path)) == [{"text": "one"}, {"text": "two", "n": 1.5}]


@pytest.mark.parametrize(
    ("kind", "data"), [("jsonl", as_jsonl(ROWS)), ("csv", as_csv(ROWS)), ("parquet", as_parquet(ROWS))]
)
def test_a_named_format_wins_over_the_suffix(file: Callable[..., Path], kind: str, data: bytes) -> None:
    assert list(read_rows(file("export.txt", data), kind)) == ROWS


def test_a_text_may_be_longer_than_pythons_own_csv_limit(file: Callable[..., Path]) -> None:
    (row,) = read_rows(file("a.csv", as_csv([{"id": "1", "text": "x" * 1_000_000}])))
    assert len(row["text"]) == 1_000_000


def test_a_folder_is_its_files_in_the_order_of_their_names(file: Callable[..., Path], tmp_path: Path) -> None:
    file("in/b.csv", as_csv(ROWS[1:2]))
    file("in/a.jsonl.gz", gzip.compress(as_jsonl(ROWS[:1])))
    file("in/c.parquet", as_parquet(ROWS[2:]))
    file("in/.hidden.txt", b"no")
    file("in/_SUCCESS", b"")
    (tmp_path / "in" / "deeper").mkdir()
    assert list(read_rows(tmp_path / "in")) == ROWS


def test_rows_come_before_the_file_is_read_to_its_end(file: Callable[..., Path]) -> None:
    rows = read_rows(file("a.jsonl", as_jsonl(ROWS) * 100_000 + b"broken"))
    assert next(rows) == ROWS[0]
    with pytest.raises(InvalidInputError, match="line 300001: not JSON"):
        list(rows)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": "' + SECRET.encode(), "line 2: not JSON, from column 7 on"),
        ("a.jsonl", b"[1]\n", "line 1: a JSON list where an object or a text belongs"),
        ("a.jsonl", b'{"a": NaN}', "line 1: not JSON that can be read"),
        ("a.jsonl", b"[" * 100_000, "line 1: not JSON that can be read"),
        ("a.jsonl", b"9" * 5_000, "line 1: not JSON that can be read"),
        ("a.jsonl", b'{"a": 1}\n\n"' + SECRET.encode() + b'\xe9"', "line 3: not UTF-8"),
        ("a.txt", b"one\n" + SECRET.encode("utf-16"), "line 2: not UTF-8"),
        ("a.csv", b"id,text\n1,one\n2,two," + SECRET.encode(), "line 3: 3 fields where the header has 2"),
        ("a.csv", b'id,text\n"1\n1",one\n' + SECRET.encode(), "line 4: 1 fields where the header has 2"),
        ("a.csv", b"id,id\n1," + SECRET.encode(), "line 1: two columns of one name"),
        ("a.csv", b'id,text\n1,"' + SECRET.encode(), "line 2: not CSV: unexpected end of data"),
        ("a.csv", b'id,text\n1,"a"' + SECRET.encode(), "line 2: not CSV: ',' expected after '\"'"),
        ("a.csv", b"id,text\r1," + SECRET.encode(), "line 1: not CSV: new-line character seen in unquoted field"),
        ("a.csv", b"id,text\n" + SECRET.encode() + b"\xe9,1", "line 2: not UTF-8"),
        ("a.csv", b"id\n" + b"x" * 2_000_001, "line 2: not CSV: field larger than field limit (2000000)"),
        ("a.parquet", as_parquet([{"a": 1}])[:-1], "a.parquet is not a Parquet file, or is damaged"),
        ("a.parquet", b"", "a.parquet is not a Parquet file, or is damaged"),
        ("a.parquet", SECRET.encode() * 100, "a.parquet is not a Parquet file, or is damaged"),
        ("a.jsonl.gz", as_jsonl(ROWS), "line 1: not compressed by gzip, damaged, or cut short"),
        ("a.txt.gz", gzip.compress(b"one\n" * 9, mtime=0)[:-9], "not compressed by gzip, damaged, or cut short"),
        (
            "a.txt.gz",
            gzip.compress(b"one\n" * 9, mtime=0)[:-8] + b"\0" * 8,
            "not compressed by gzip, damaged, or cut short",
        ),
    ],
    ids=shorten,
)
def test_error_names_the_problem_without_the_content(
    file: Callable[..., Path], name: str, data: bytes, says: str
) -> None:
    path = file(name, data)
    check(path)
    with pytest.raises(InvalidInputError) as caught:
        list(read_rows(path))
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    error = caught.value
    while error:
        assert SECRET not in repr(error)
        assert SECRET not in repr(vars(error))
        error = error.__context__


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("missing.jsonl", None, "There is no file or folder"),
        ("a.xlsx", None, "a.xlsx is of no known format"),
        ("a.parquet.gz", None, "a.parquet.gz is of no known format"),
        ("jsonl", "", "must be one of jsonl, ndjson, csv, txt, parquet"),
        ("a.jsonl", "json", "must be one of jsonl, ndjson, csv, txt, parquet"),
    ],
)
@pytest.mark.parametrize("ask", [check, read_rows])
def test_an_unreadable_input_is_reported_at_once(
    file: Callable[..., Path], tmp_path: Path, ask: Callable[..., Any], name: str, kind: str | None, says: str
) -> None:
    file("a.xlsx", b"x")
    file("a.parquet.gz", b"x")
    file("a.jsonl", b"{}")
    file("empty/.hidden", b"x")
    with pytest.raises(ConfigurationError) as caught:
        ask(tmp_path / name, kind)
    assert says in str(caught.value)


def test_a_folder_with_one_unknown_file_is_refused_at_once(file: Callable[..., Path], tmp_path: Path) -> None:
    file("in/a.jsonl", b"{}")
    file("in/b.docx", b"x")
    with pytest.raises(ConfigurationError, match=r"b\.docx is of no known format"):
        check(tmp_path / "in")


def test_parquet_without_pyarrow(file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file("in/a.jsonl", as_jsonl(ROWS))
    file("in/b.parquet", as_parquet(ROWS))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for path, kind in [(tmp_path / "in" / "b.parquet", None), (tmp_path / "in", None), (tmp_path / "in", "parquet")]:
        with pytest.raises(ConfigurationError, match=r'pip install ".*\[parquet\]", or use jsonl'):
            read_rows(path, kind)
    assert list(read_rows(tmp_path / "in" / "a.jsonl")) == ROWS


def test_values_at_hand_become_rows() -> None:
    row = {"id": 7}
    rows = list(from_values(["one", row, ""]))
    assert rows == [{"text": "one"}, {"id": 7}, {"text": ""}]
    assert rows[1] is not row
    assert next(iter(from_values(text for text in ["one", 2]))) == {"text": "one"}


@pytest.mark.parametrize("values", ["one text", b"bytes", {"text": "one"}, 7, None])
def test_what_is_no_list_of_rows(values: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a list of texts or of dictionaries, not a value of type"):
        from_values(values)


@pytest.mark.parametrize(
    ("value", "says"),
    [(7, "Row 1 is a value of type int"), (None, "Row 1 is a"), ({7: SECRET}, "Row 1 has a column whose name")],
)
def test_a_value_that_is_no_row_is_named_by_its_place(value: Any, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        from_values(["fine", value])
    lazily = from_values(iter(["fine", value]))
    assert next(lazily) == {"text": "fine"}
    with pytest.raises(InvalidInputError, match=says) as caught:
        next(lazily)
    assert SECRET not in str(caught.value)


# Python's csv module reads neither NUL nor a lone "\r" back as it was.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries({"id": TEXTS, "text": TEXTS}), min_size=1), packed=st.booleans())
def test_any_texts_come_back(tmp_path: Path, rows: list[dict[str, str]], packed: bool) -> None:
    for kind, write in {"csv": as_csv, "jsonl": as_jsonl}.items():
        path = tmp_path / f"a.{kind}{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(write(rows)) if packed else write(rows))
        assert list(read_rows(path)) == rows


@pytest.mark.parametrize(
    ("name", "data"), [("a.csv", b"id,text\n"), ("a.csv", b""), ("a.txt", b" \n\n"), ("a.jsonl", b"")]
)
def test_files_without_rows_are_empty(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert list(read_rows(tmp_path / name)) == []
    assert list(read_rows(tmp_path)) == []


def test_folder_without_files_is_empty(tmp_path: Path) -> None:
    assert list(read_rows(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "data", "total"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": 2}\n', 2),
        ("a.csv", b"id,text\n1,one\n2,two\n3,three\n", 3),
        ("a.csv", b"", 0),
        ("a.txt", b"one\n", 1),
        ("a.txt", b"\xe9\n", 1),
        ("a.parquet", as_parquet([{"a": 1}, {"a": 2}]), 2),
        ("a.txt.gz", gzip.compress(b"one\n", mtime=0), None),
    ],
)
def test_number_of_rows_is_estimated(tmp_path: Path, name: str, data: bytes, total: int | None) -> None:
    (tmp_path / name).write_bytes(data)
    assert read_rows(tmp_path / name).estimate_total() == total
