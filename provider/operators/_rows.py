"""
What all operators that work on rows have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..hooks.files.object_path import to_object_path
from ..validation import quote
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context

#: What to do if there are no rows.
ON_EMPTY = ("succeed", "skip", "fail")


class RowsOperator(AIEndpointsOperator):
    """
    Base of the operators that work on rows.

    :param input_path: a file of rows, or a folder of such files, on this machine or in object storage: ``.jsonl``,
        ``.csv``, ``.parquet`` or ``.txt``
    :param input_format: format of the input; default: by its suffix
    :param output_path: folder for the results; a later task run finds those of equal rows there
    :param output_format: ``jsonl``, ``parquet``, or for vectors ``npy``
    :param part_size: rows in a file of the output
    :param on_error: ``fail`` fails the task after all rows, ``skip`` doesn't fail it, ``raise`` fails it at the first
        failure
    :param max_failures: number of failed rows, or their share if below 1, up to which the task goes on; default: it
        stops if the first 25 rows fail alike
    :param on_empty: ``succeed``, ``skip`` or ``fail`` without any rows
    :param if_exists: whether the task may ``update`` a folder that another run has written and that is over; ``fail``
        refuses it
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields: Sequence[str] = (
        "input_path",
        "input_format",
        "output_path",
        "output_format",
        "part_size",
        "on_error",
        "max_failures",
        "on_empty",
        "if_exists",
    )

    def __init__(
        self,
        *,
        input_path: str | None = None,
        input_format: str | None = None,
        output_path: str | None = None,
        output_format: str = "jsonl",
        part_size: int | str = 1_000,
        on_error: str = "fail",
        max_failures: float | str | None = None,
        on_empty: str = "succeed",
        if_exists: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_path = input_path
        self.input_format = input_format
        self.output_path = output_path
        self.output_format = output_format
        self.part_size = part_size
        self.on_error = on_error
        self.max_failures = max_failures
        self.on_empty = on_empty
        self.if_exists = if_exists

    def read_rows(self, values: Any, name: str) -> Iterable[dict[str, Any]]:
        """
        Read the rows of the task.

        :param values: the rows themselves, or None to read ``input_path``
        :param name: the parameter that holds the values, for errors
        :return: the rows
        :raises ConfigurationError: if both or neither are given, or ``on_empty`` is invalid
        """
        from ..rows import reading

        if self.on_empty not in ON_EMPTY:
            raise ConfigurationError(f"on_empty must be 'succeed', 'skip' or 'fail', not {quote(self.on_empty)}.")
        if self.input_path is None:
            return reading.from_values(values)
        if values is not None:
            raise ConfigurationError(f"Give either {name} or input_path, not both.")
        return reading.read_rows(to_object_path(self.input_path, "input_path"), self.input_format)

    def check_empty(self, count: int) -> None:
        """
        Apply ``on_empty`` at the end of the task.

        :param count: number of rows
        :raises ConfigurationError: if there are none, and the task shall fail
        :raises AirflowSkipException: if there are none, and the task shall be skipped
        """
        if count or self.on_empty == "succeed":
            return
        message = "There are no rows."
        if self.on_empty == "fail":
            with self.hook.boundary():
                raise ConfigurationError(f"{message} To succeed without rows, set on_empty='succeed'.")
        from ..compat import AirflowSkipException

        raise AirflowSkipException(message)

    def return_manifest(self, context: Context, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """
        Report a folder of results: its lineage, and its path as an XCom of its own, for ``task.output["path"]``.

        :param context: the task's context
        :param manifest: manifest of the folder
        :return: the manifest
        """
        if self.do_xcom_push:
            self.push_xcom(context, "path", manifest["path"])
        self.record_lineage(context, manifest, [manifest["path"]], [self.input_path])
        self.check_empty(manifest["rows"])
        return dict(manifest)
