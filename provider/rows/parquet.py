"""
Parquet files with pyarrow, which is imported only when needed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, TypeVar

from ..errors import InvalidInputError
from .parquet_schema import FolderSchema
from .parquet_types import load as load
from .parquet_values import to_python
from .serialization import Row, Vector, vector
from .storage import StoragePath

Result = TypeVar("Result")

#: Rows decoded at a time.
BATCH_ROWS = 1_000

#: Bytes of a column read at a time. Without a buffer size, or with pre_buffer, pyarrow reads the columns of a whole row
#: group at once, and pandas writes a million rows into one.
BUFFER_BYTES = 1024 * 1024


def rows(stream: BinaryIO, name: str) -> Iterator[Row]:
    """
    Iterate over the rows of a file, reading some pages at a time.

    :param stream: the file, seekable
    :param name: path of the file, for errors
    :return: its rows; a time that Python lacks a type for is text in ISO 8601
    :raises InvalidInputError: if it isn't a Parquet file, is damaged, or has two columns of the same name
    """
    arrow = load()
    file = _read(name, lambda: arrow.parquet.ParquetFile(stream, buffer_size=BUFFER_BYTES, pre_buffer=False))
    names = file.schema_arrow.names
    if len(set(names)) < len(names):
        raise InvalidInputError(f"{name} has two columns of one name.")
    # Threads would take 30 MB more for a million rows, and save no time.
    batches = file.iter_batches(BATCH_ROWS, use_threads=False)
    while batch := _read(name, lambda: next(batches, None)):
        yield from _list_records(batch, name)


def read_schema(stream: BinaryIO, name: str) -> Any:
    """
    Read the schema of a file.

    :param stream: the file, seekable
    :param name: path of the file, for errors
    :return: the schema
    :raises InvalidInputError: if it isn't a Parquet file, or is damaged
    """
    return _read(name, lambda: load().parquet.ParquetFile(stream).schema_arrow)


def read_row_count(stream: BinaryIO, name: str) -> int:
    """
    Read the number of rows of a file.

    :param stream: the file, seekable
    :param name: path of the file, for errors
    :return: the number
    :raises InvalidInputError: if it isn't a Parquet file, or is damaged
    """
    return int(_read(name, lambda: load().parquet.ParquetFile(stream).metadata.num_rows))


def encode(records: Sequence[Row], vectors: str | None, schema: FolderSchema | None = None) -> bytes:
    """
    Encode a file.

    :param records: rows of the file; a missing column becomes null
    :param vectors: column of the vectors, or None; they become lists of 32-bit floats, of fixed size if each row has
        a vector
    :param schema: schema of the folder, which is widened for these rows; None for a file on its own
    :return: bytes of the file
    :raises InvalidInputError: if a column contains values of different types, or of a type that Parquet lacks
    """
    arrow = load()
    table = (schema or FolderSchema(vectors)).build(records)
    # A dictionary or statistics of vectors would be as large as the vectors.
    plain = [path for path in _list_leaves(arrow, table.schema) if not path.startswith(f"{vectors}.")]
    file = io.BytesIO()
    try:
        arrow.parquet.write_table(table, file, use_dictionary=plain, write_statistics=plain)
    except (arrow.ArrowException, ValueError):
        file = io.BytesIO()
    if not file.getbuffer():
        raise InvalidInputError("The rows hold a value that Parquet has no form for: use jsonl.")
    return file.getvalue()


def decode(data: bytes, vectors: str, name: str = "The file") -> list[Row]:
    """
    Decode a file that :func:`encode` wrote.

    :param data: bytes of the file
    :param vectors: column of the vectors; the file may lack it
    :param name: path of the file, for errors
    :return: the records, each with all columns
    :raises InvalidInputError: if the file is damaged
    """
    arrow = load()
    table = _read(name, lambda: arrow.parquet.read_table(arrow.BufferReader(data)))
    kind = table.schema.field(vectors).type if vectors in table.column_names else arrow.null()
    if not (arrow.types.is_fixed_size_list(kind) or arrow.types.is_list(kind)):
        return _list_records(table, name)
    values = _iter_vectors(table.column(vectors).combine_chunks())
    records = _list_records(table.drop_columns([vectors]), name) or [{} for _ in range(len(table))]
    return [{**record, vectors: each} for record, each in zip(records, values, strict=True)]


def unify_parts(parts: Mapping[str, StoragePath], vectors: str | None, schema: FolderSchema) -> None:
    """
    Write those parts again whose columns or types differ from the schema of the folder, one at a time.

    :param parts: the file of each part, by its name
    :param vectors: column of the vectors, or None
    :param schema: schema of the folder; the footers of parts from an earlier try widen it
    :raises InvalidInputError: if a part is damaged, or has values that can't share a column with those of others
    """
    for name, file in parts.items():
        if not schema.has(name):
            with file.open(in_order=False) as stream:
                _read(file.display, lambda: schema.note(name, stream))  # noqa: B023  (called at once)
    for name in schema.find_stale(parts):
        with parts[name].open() as stream:
            records = decode(stream.read(), vectors or "", parts[name].display)
        parts[name].write(encode(records, vectors, schema))


def _read(name: str, read: Callable[[], Result]) -> Result:
    arrow = load()
    try:
        return read()
    except (arrow.ArrowException, ValueError):
        reason = "is not a Parquet file, or is damaged"
    except OSError as error:
        # pyarrow's own errors lack an errno; others are failures of the storage, which may be temporary.
        if error.errno is not None or type(error) is not OSError:
            raise
        reason = "is damaged, or cut short"
    raise InvalidInputError(f"{name} {reason}.")


def _list_records(table: Any, name: str) -> list[Row]:
    names = table.schema.names
    columns = []
    for column in names:
        try:
            columns.append(to_python(table.column(column)))
        except InvalidInputError as error:
            raise InvalidInputError(f"{name}, column {column!r}: {error.args[0]}.") from None
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _list_leaves(arrow: Any, schema: Any) -> list[str]:
    file = io.BytesIO()
    arrow.parquet.write_metadata(schema, file)
    columns = arrow.parquet.ParquetFile(file).schema
    return [columns.column(index).path for index in range(len(columns))]


def _iter_vectors(column: Any) -> Iterator[Vector | None]:
    are_valid = column.is_valid().to_pylist()
    numbers = column.flatten()  # without those of nulls
    data = memoryview(numbers.buffers()[1] or b"")
    size = 4 * len(numbers) // sum(are_valid) if any(are_valid) else 0
    here = 4 * numbers.offset
    for is_valid in are_valid:
        yield vector(bytes(data[here : here + size])) if is_valid else None
        here += size if is_valid else 0
