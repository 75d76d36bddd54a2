"""
The one schema of a Parquet folder: taken from the input or inferred from values, and widened from part to part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from threading import RLock
from typing import Any, BinaryIO, TypeAlias

from ..errors import InvalidInputError
from .parquet_types import allow_nulls, fill_nulls, iter_types, load, map_leaves, simplify, unify
from .parquet_values import build_array, build_vectors, infer_array, is_exact
from .serialization import Row

#: Names and types of the columns of a file.
Columns: TypeAlias = tuple[tuple[str, Any], ...]


class FolderSchema:
    """
    The columns of all parts of a folder.

    Columns of the input come first, in the order in which rows have them, and those of the result follow. Safe to use
    from several threads.

    :param vectors: column of the vectors, or None. They become lists of 32-bit floats, of fixed size if each row of the
        folder has a vector
    :param source: schema of the input, for columns that have one; None infers all types
    """

    def __init__(self, vectors: str | None = None, source: Any = None) -> None:
        self._arrow = load()
        self._vectors = vectors
        self._source = (
            {field.name: simplify(field.type) for field in source} if isinstance(source, self._arrow.Schema) else {}
        )
        self._lock = RLock()
        self._types: dict[str, Any] = {}
        #: Columns of the input, in order; the values are not used.
        self._inputs: dict[str, None] = {}
        #: Columns with an integer that a double can't represent.
        self._large: set[str] = set()
        #: Columns and types of each part's file; equal ones are one object.
        self._parts: dict[str, Columns] = {}
        self._distinct: dict[Columns, Columns] = {}

    def add(self, rows: Sequence[Row]) -> None:
        """
        Widen the schema for rows of the input.

        :param rows: rows of a part
        :raises InvalidInputError: if a value can't share its column with the values so far, or Parquet lacks its type
        """
        with self._lock:
            for name in _list_columns(rows):
                self._inputs[name] = None
                self._fit(name, [row.get(name) for row in rows], is_new=True)

    def build(self, records: Sequence[Row]) -> Any:
        """
        Build the table of a part, and widen the schema for columns that the input doesn't have.

        :param records: records of the part; a missing column becomes null
        :return: a table with all columns so far; those without values are strings
        :raises InvalidInputError: as :meth:`add` does
        """
        with self._lock:
            for name in _list_columns(records):
                self._types.setdefault(name, None)
            values = {name: [record.get(name) for record in records] for name in self._order()}
            arrays = {name: self._fit(name, column, is_new=False) for name, column in values.items()}
            return self._arrow.table({name: self._store(name, values[name], array) for name, array in arrays.items()})

    def note(self, name: str, stream: BinaryIO) -> None:
        """
        Widen the schema for a part that is written.

        :param name: name of the part
        :param stream: its file, seekable; only its footer is read
        :raises InvalidInputError: as :meth:`add` does
        """
        file = self._arrow.parquet.ParquetFile(stream)
        types = [(field.name, simplify(field.type)) for field in file.schema_arrow]
        position = count()
        kinds = {
            field.name: map_leaves(field.type, lambda leaf: self._find_nulls(file, next(position), leaf))
            for field in file.schema_arrow
        }
        with self._lock:
            self._parts[name] = self._distinct.setdefault(tuple(types), tuple(types))
            for column, kind in kinds.items():
                # Parts of earlier releases lack statistics of the vectors.
                is_null = column == self._vectors and self._arrow.types.is_string(kind)
                new = self._arrow.null() if is_null else simplify(kind)
                self._widen(column, new, is_exact=column not in self._large)

    def find_stale(self, names: Iterable[str]) -> list[str]:
        """
        Finish the schema and find the parts that differ from it.

        :param names: names of all parts, each of them noted
        :return: names of those to write again, with :meth:`build`
        """
        with self._lock:
            parts = {name: self._parts[name] for name in names}
            for columns in set(parts.values()):
                for name in self._types.keys() - dict(columns).keys():
                    self._types[name] = allow_nulls(self._types[name])
            final = tuple((name, fill_nulls(self._types[name])) for name in self._order())
            return [name for name, columns in parts.items() if columns != final]

    def has(self, name: str) -> bool:
        """
        Check whether a part is noted.

        :param name: name of the part
        :return: True after :meth:`note`
        """
        return name in self._parts

    def _order(self) -> list[str]:
        return [*self._inputs, *(name for name in self._types if name not in self._inputs)]

    def _fit(self, name: str, values: list[Any], *, is_new: bool) -> Any:
        if name == self._vectors:
            array = build_vectors(values)
            self._widen(name, array.type, is_exact=True)
            return array if array.type == self._types[name] else array.cast(self._types[name])
        kind = self._types.get(name)
        if kind is None:
            kind = self._source.get(name)
        array = None
        if kind is not None and (name in self._source or not is_new):
            self._types[name] = kind
            array = build_array(values, kind)
        if array is None:
            array = infer_array(values)
            if array is not None:
                self._widen(name, simplify(array.type), is_exact=name not in self._large and is_exact(array))
                array = array if array.type == self._types[name] else build_array(values, self._types[name])
        if array is None:
            raise InvalidInputError(
                f"The column {name!r} holds values that do not fit into one column of a Parquet file: use jsonl, or "
                "convert them to one type."
            )
        return self._check(name, values, array)

    def _check(self, name: str, values: list[Any], array: Any) -> Any:
        if name not in self._large and not is_exact(array):
            self._large.add(name)
        if any(kind.num_fields == 0 for kind in iter_types(array.type) if self._arrow.types.is_struct(kind)):
            raise InvalidInputError(
                f"The column {name!r} holds a value that Parquet has no form for, such as {{}}: use jsonl."
            )
        if array.null_count:
            self._types[name] = allow_nulls(self._types[name])
        return array if array.type == self._types[name] else build_array(values, self._types[name])

    def _store(self, name: str, values: list[Any], array: Any) -> Any:
        kind = fill_nulls(self._types[name])
        if array.type == kind:
            return array
        return self._arrow.nulls(len(array), kind) if array.null_count == len(array) else build_array(values, kind)

    def _widen(self, name: str, kind: Any, *, is_exact: bool) -> None:
        old = self._types.get(name)
        wider = kind if old is None else unify(old, kind, is_exact=is_exact)
        if wider is None:
            raise InvalidInputError(
                f"The column {name!r} holds values that do not fit into one column of a Parquet file: "
                f"{str(old)[:60]} in other rows, {str(kind)[:60]} in these. Use jsonl, or convert them to one type."
            )
        has_nulls = any(each is not None and self._arrow.types.is_null(each) for each in (old, kind))
        self._types[name] = allow_nulls(wider) if has_nulls else wider

    def _find_nulls(self, file: Any, column: int, leaf: Any) -> Any:
        if not self._arrow.types.is_string(leaf):
            return leaf
        groups = (file.metadata.row_group(group).column(column) for group in range(file.metadata.num_row_groups))
        if all(group.statistics and group.statistics.null_count == group.num_values for group in groups):
            return self._arrow.null()
        return leaf


def unify_sources(schemas: Mapping[str, Any]) -> Any:
    """
    Unify the schemas of the files of an input.

    :param schemas: schema by path of the file
    :return: one schema with the columns of all
    :raises InvalidInputError: if a column has types in two files that can't share a column
    """
    types: dict[str, Any] = {}
    for path, schema in schemas.items():
        for field in schema:
            kind = simplify(field.type)
            wider = unify(types[field.name], kind) if field.name in types else kind
            if wider is None:
                raise InvalidInputError(
                    f"{path} has the type {str(kind)[:60]} in the column {field.name!r}, and the files before it "
                    f"{str(types[field.name])[:60]}. Use jsonl as output, or convert the files to one type."
                )
            types[field.name] = wider
    return load().schema(list(types.items()))


def _list_columns(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))
