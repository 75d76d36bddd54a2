"""
Parquet files with pyarrow, which is imported only when needed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, BinaryIO

from ..errors import ConfigurationError, InvalidInputError
from .serialization import Row, Vector, little_endian, map_scalars, replace_surrogates, vector

#: Rows decoded at a time.
BATCH_ROWS = 1_000

#: Bytes of a column read at a time. Without a buffer size, or with pre_buffer, pyarrow reads the columns of a whole row
#: group at once, and pandas writes a million rows into one.
BUFFER_BYTES = 1024 * 1024


def load() -> Any:
    """
    Import pyarrow.

    :return: its module, with ``parquet`` in it
    :raises ConfigurationError: if it is not installed
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "Parquet needs pyarrow, which is not installed here: "
            'pip install "airflow-provider-ovhcloud-ai[parquet]", or use jsonl.'
        ) from None
    return pyarrow


def rows(stream: BinaryIO, name: str) -> Iterator[Row]:
    """
    Iterate over the rows of a file, reading some pages at a time.

    :param stream: the file, seekable
    :param name: path of the file, for errors
    :return: its rows
    :raises InvalidInputError: if it isn't a Parquet file, is damaged, or has two columns of the same name
    """
    arrow = load()
    try:
        file = arrow.parquet.ParquetFile(stream, buffer_size=BUFFER_BYTES, pre_buffer=False)
        columns = file.schema_arrow.names
        # Threads would take 30 MB more for a million rows, and save no time.
        batches = file.iter_batches(BATCH_ROWS, use_threads=False) if len(set(columns)) == len(columns) else None
        for batch in batches or ():
            yield from batch.to_pylist()
        reason = "" if batches else "has two columns of one name"
    except (arrow.ArrowException, ValueError):
        reason = "is not a Parquet file, or is damaged"
    except OSError as error:
        # pyarrow's own errors lack an errno; others are failures of the storage, which may be temporary.
        if error.errno is not None or type(error) is not OSError:
            raise
        reason = "is damaged, or cut short"
    if reason:
        raise InvalidInputError(f"{name} {reason}.")


def encode(records: Sequence[Row], vectors: str | None) -> bytes:
    """
    Encode a file.

    A column without values becomes one of strings: most readers can combine it with another part's type.

    :param records: rows of the file; a missing column becomes null
    :param vectors: column of the vectors, or None; they become lists of 32-bit floats, of fixed size if each row has
        a vector
    :return: bytes of the file
    :raises InvalidInputError: if a column contains values of different types, or of a type that Parquet lacks
    """
    arrow = load()
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: _build_column(arrow, name, [record.get(name) for record in records], vectors) for name in names}
    plain = [name for name in names if name != vectors]
    file = io.BytesIO()
    try:
        # A dictionary or statistics of vectors would be as large as the vectors.
        arrow.parquet.write_table(arrow.table(columns), file, use_dictionary=plain, write_statistics=plain)
    except (arrow.ArrowException, ValueError):
        file = io.BytesIO()
    if not file.getbuffer():
        raise InvalidInputError("The rows hold a value that Parquet has no form for, such as {}: use jsonl.")
    return file.getvalue()


def decode(data: bytes, vectors: str) -> list[Row]:
    """
    Decode a file that :func:`encode` wrote.

    :param data: bytes of the file
    :param vectors: column of the vectors; the file may lack it
    :return: the records, each with all columns
    """
    arrow = load()
    table = arrow.parquet.read_table(arrow.BufferReader(data))
    kind = table.schema.field(vectors).type if vectors in table.column_names else arrow.null()
    if not (arrow.types.is_fixed_size_list(kind) or arrow.types.is_list(kind)):
        records: list[Row] = table.to_pylist()
        return records
    values = _iter_vectors(table.column(vectors).combine_chunks())
    records = table.drop_columns([vectors]).to_pylist() or [{} for _ in values]
    return [{**record, vectors: each} for record, each in zip(records, values, strict=True)]


def _build_column(arrow: Any, name: str, values: list[Any], vectors: str | None) -> Any:
    try:
        column = _build_vectors(arrow, values) if name == vectors else _build_values(arrow, values)
    except (arrow.ArrowException, TypeError, ValueError, OverflowError):
        column = None
    if column is None:
        raise InvalidInputError(
            f"The column {name!r} holds values that do not fit into one column of a Parquet file: use jsonl."
        )
    return column.cast(arrow.string()) if arrow.types.is_null(column.type) else column


def _build_values(arrow: Any, values: list[Any]) -> Any:
    try:
        return arrow.array(values)
    except UnicodeEncodeError:
        return arrow.array(map_scalars(values, replace_surrogates))


def _build_vectors(arrow: Any, values: list[Vector | None]) -> Any:
    size = max(len(value or ()) for value in values)
    if not size:
        return arrow.nulls(len(values))
    data = b"".join(little_endian(value) for value in values if value)
    numbers = arrow.Array.from_buffers(arrow.float32(), len(data) // 4, [None, arrow.py_buffer(data)])
    if all(values):
        return arrow.FixedSizeListArray.from_arrays(numbers, size)
    # Before 26, pyarrow can neither write nor read a list of fixed size that is null.
    ends = accumulate((size if value else 0 for value in values), initial=0)
    starts = [end if value else None for end, value in zip(ends, values, strict=False)]
    return arrow.ListArray.from_arrays(arrow.array([*starts, len(numbers)], arrow.int32()), numbers)


def _iter_vectors(column: Any) -> Iterator[Vector | None]:
    are_valid = column.is_valid().to_pylist()
    numbers = column.flatten()  # without those of nulls
    data = memoryview(numbers.buffers()[1])
    size = 4 * len(numbers) // sum(are_valid)
    here = 4 * numbers.offset
    for is_valid in are_valid:
        yield vector(bytes(data[here : here + size])) if is_valid else None
        here += size if is_valid else 0
