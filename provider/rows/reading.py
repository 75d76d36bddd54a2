"""
Iteration over rows of a file, of a folder of files, or of a list, with only a few rows in memory at a time.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

from .. import defaults
from ..errors import ConfigurationError, InvalidInputError
from . import parquet
from .parquet_schema import unify_sources
from .serialization import Row
from .storage import StoragePath, open_storage

#: Column of a row that is only a string.
TEXT = "text"

#: Formats by suffix. Text files may also be compressed: ``.csv.gz``.
FORMATS = ("jsonl", "ndjson", "csv", "txt", "parquet")

#: Bytes of a text file read at a time.
CHUNK_BYTES = 256 * 1024


class Rows(Iterator[Row]):
    """
    Rows of files.

    :param sources: the files, in order
    """

    def __init__(self, sources: list[_Source]) -> None:
        self._sources = sources
        self._rows = _iter_all(sources)

    def __next__(self) -> Row:
        return next(self._rows)

    @property
    def schema(self) -> Any:
        """
        Schema of the Parquet files among them, as pyarrow has it; None if there are none.

        :raises InvalidInputError: if a file is damaged, or two files have types that can't share a column
        """
        schemas = {}
        for source in self._sources:
            if source.kind == "parquet":
                with source.storage.open(in_order=False) as stream:
                    schemas[source.storage.display] = parquet.read_schema(stream, source.storage.display)
        return unify_sources(schemas) if schemas else None

    def estimate_total(self) -> int | None:
        """
        Estimate the number of rows: from the footers of Parquet files, and from the lines of files on this machine.

        :return: the number, which is too high if rows have several lines; None if a file is remote or compressed
        :raises InvalidInputError: if a file is damaged
        """
        counts = [_estimate_rows(source) for source in self._sources]
        return None if None in counts else sum(filter(None, counts))


class _Source(NamedTuple):
    storage: StoragePath
    kind: str

    def error(self, line: int, reason: str) -> InvalidInputError:
        return InvalidInputError(f"{self.storage.display}, line {line}: {reason}.")


def check(path: Any, format: str | None = None) -> None:  # noqa: A002  (the word of the field)
    """
    Check that the files exist and their formats are supported, without reading rows.

    :param path: file or folder, a ``pathlib.Path`` or a UPath such as Airflow's ``ObjectStoragePath``
    :param format: ``jsonl``, ``ndjson``, ``csv``, ``txt`` or ``parquet``; unless given, the suffix decides
    :raises ConfigurationError: if no file exists, a suffix is unknown, or a Parquet file needs pyarrow
    """
    _list_sources(path, format)


def read_rows(path: Any, format: str | None = None) -> Rows:  # noqa: A002  (likewise)
    """
    Iterate over the rows of a file, or of all files in a folder in the order of their names.

    In a folder, names that begin with ``.`` or ``_`` are ignored, and so are subfolders. Files are UTF-8.

    - ``jsonl``, ``ndjson``: each line is an object, or a string, which becomes the column ``text``;
    - ``csv``: the first line names the columns, values are strings;
    - ``txt``: each line is a string, which becomes the column ``text``;
    - ``parquet``: needs pyarrow; a time that Python lacks a type for is text in ISO 8601.

    Blank lines are ignored. NaN and infinity in JSON are errors.

    :param path: file or folder, a ``pathlib.Path`` or a UPath such as Airflow's ``ObjectStoragePath``
    :param format: one of the formats; unless given, the suffix decides
    :return: the rows
    :raises ConfigurationError: at once, as :func:`check` does
    :raises InvalidInputError: during the iteration, if a file isn't valid in its format
    """
    return Rows(_list_sources(path, format))


def from_values(values: Any) -> Iterable[Row]:
    """
    Convert values to rows.

    :param values: strings, each of which becomes the column ``text``, or dictionaries, which are rows already
    :return: the rows; a list if the values are one
    :raises ConfigurationError: if ``values`` is a single string or dictionary, or isn't iterable
    :raises InvalidInputError: if a value is neither; at once for a list, else during the iteration
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise ConfigurationError(
            f"The rows must be a list of texts or of dictionaries, not a value of type {type(values).__name__}."
        )
    if isinstance(values, (list, tuple)):
        return [_to_row(value, position) for position, value in enumerate(values)]
    return (_to_row(value, position) for position, value in enumerate(values))


def _to_row(value: Any, position: int) -> Row:
    if isinstance(value, str):
        return {TEXT: value}
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            f"Row {position} is a value of type {type(value).__name__}, not a text or a dictionary."
        )
    if not all(isinstance(name, str) for name in value):
        raise InvalidInputError(f"Row {position} has a column whose name is not a text.")
    return dict(value)


def _list_sources(path: Any, kind: str | None) -> list[_Source]:
    if kind is not None and kind not in FORMATS:
        raise ConfigurationError(f"The format of the input must be one of {', '.join(FORMATS)}.")
    top = open_storage(path)
    top_kind = top.kind()
    if not top_kind:
        raise ConfigurationError(f"There is no file or folder {top.display} where this task runs: check the path.")
    files = [top]
    if top_kind == "folder":
        files = [top.child(name) for name, entry in top.iterdir().items() if entry == "file" and name[0] not in "._"]
    sources = [_Source(file, kind or _find_format(file)) for file in files]
    if any(source.kind == "parquet" for source in sources):
        parquet.load()
    return sources


def _find_format(file: StoragePath) -> str:
    name = file.name.lower()
    kind = name.removesuffix(".gz").rpartition(".")[2]
    if kind not in FORMATS or (kind == "parquet" and name.endswith(".gz")):
        raise ConfigurationError(
            f"The suffix of {file.display} is of no known format: name one of {', '.join(FORMATS)} as its format."
        )
    return kind


def _iter_all(sources: list[_Source]) -> Iterator[Row]:
    for source in sources:
        yield from _READERS[source.kind](source)


def _estimate_rows(source: _Source) -> int | None:
    if source.kind == "parquet":
        with source.storage.open(in_order=False) as stream:
            return parquet.read_row_count(stream, source.storage.display)
    if not source.storage.is_local or source.storage.name.lower().endswith(".gz"):
        return None
    with source.storage.open() as stream:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(CHUNK_BYTES), b""))
    return max(0, lines - (source.kind == "csv"))


def _iter_jsonl(source: _Source) -> Iterator[Row]:
    for number, line in _iter_lines(source):
        if line.strip():
            value, reason = _parse_line(line)
            if reason:
                raise source.error(number, reason)
            yield value


def _parse_line(line: str) -> tuple[Row, str]:
    try:
        value = json.loads(line, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        # Return the reason instead of an exception, which would contain the line.
        column = getattr(error, "colno", None)
        return {}, f"not JSON, from column {column} on" if column else "not JSON that can be read"
    if isinstance(value, str):
        return {TEXT: value}, ""
    if not isinstance(value, dict):
        return {}, f"a JSON {type(value).__name__} where an object or a text belongs"
    return value, ""


def _reject_constant(word: str) -> None:
    raise ValueError(word)


def _iter_csv(source: _Source) -> Iterator[Row]:
    records = _iter_csv_records(source)
    number, header = next(records, (0, []))
    if len(set(header)) < len(header):
        raise source.error(number, "two columns of one name")
    for number, fields in records:
        if len(fields) != len(header):
            raise source.error(number, f"{len(fields)} fields where the header has {len(header)}")
        yield dict(zip(header, fields, strict=True))


def _iter_csv_records(source: _Source) -> Iterator[tuple[int, list[str]]]:
    # Python's default limit of 131,072 characters is below that of a request.
    csv.field_size_limit(max(csv.field_size_limit(), defaults.MAX_REQUEST_BYTES))
    reader = csv.reader((line for _, line in _iter_lines(source)), strict=True)
    try:
        yield from ((reader.line_num, fields) for fields in reader if fields)
        reason = ""
    except csv.Error as error:
        reason = str(error)
    if reason:
        raise source.error(reader.line_num, f"not CSV: {reason}")


def _iter_txt(source: _Source) -> Iterator[Row]:
    return ({TEXT: line.rstrip("\r\n")} for _, line in _iter_lines(source) if line.strip())


def _iter_parquet(source: _Source) -> Iterator[Row]:
    with source.storage.open(in_order=False) as stream:
        yield from parquet.rows(stream, source.storage.display)


_READERS = {"jsonl": _iter_jsonl, "ndjson": _iter_jsonl, "csv": _iter_csv, "txt": _iter_txt, "parquet": _iter_parquet}


def _iter_lines(source: _Source) -> Iterator[tuple[int, str]]:
    """
    Iterate over lines and their numbers. Lines keep their ends; a byte order mark is removed.
    """
    number, reason = 0, ""
    try:
        with ExitStack() as stack:
            stream: Any = stack.enter_context(source.storage.open())
            if source.storage.name.lower().endswith(".gz"):
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
            for number, line in enumerate(_split_lines(stream), 1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except (EOFError, zlib.error, gzip.BadGzipFile):
        number, reason = number + 1, "not compressed by gzip, damaged, or cut short"
    if reason:
        raise source.error(number, reason)


def _split_lines(stream: BinaryIO) -> Iterator[bytes]:
    # Don't iterate over the stream: fsspec's streams are ten times slower at that.
    rest = b""
    while chunk := stream.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest
