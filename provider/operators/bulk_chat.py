"""
The operator that asks a language model about many rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ..hooks.files.object_path import to_object_path
from ..hooks.files.owner import read_owner
from ._chat_request import ChatRequestOperator
from ._rows import RowsOperator

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.usage.usage_tracker import UsageTracker

#: More answers don't belong in XCom: 5,000 of a few paragraphs are some 5 MB in the metadata database.
MAX_XCOM_ROWS = 5_000

#: Parameters that decide about the columns of the result.
_COLUMN_PARAMS = ("key", "answer_column", "columns", "extra_columns", "keep_columns")


class OVHCloudAIEndpointsBulkChatOperator(RowsOperator, ChatRequestOperator):
    """
    Ask a language model about each row, as many at a time as the service allows.

    Equal rows are asked once. XCom ``return_value``: ``answers`` (a string for each row, or data if there is a
    ``response_format``; None for a failed row), ``errors`` (each with ``index``, ``error`` and ``status``), the summed
    ``usage``, and ``model``. A failed task pushes the same as the XCom ``answers``. XCom ``usage`` also has the cost.

    With ``output_path``, the answers go to files in that folder, in the column ``answer`` after the columns of their
    rows, and XCom has a manifest. XCom ``path`` has the path of the folder. A row is known by what is asked about it: a
    retry, or a later run with other rows, asks only about rows without an answer there.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param rows: dictionaries, or strings, which become ``{"text": ...}``, instead of ``input_path``
    :param prompt: the user's message about each row, with ``{column}`` in place of a value of the row; default:
        ``{text}``
    :param system_prompt: the system message, with ``{column}`` too
    :param messages: messages instead of ``prompt``, with ``{column}`` in their texts
    :param images: column with the path of an image, or with a list of paths, for the user's last message
    :param key: column that identifies a row, together with what is asked about it; rows with different keys are asked
        apart
    :param answer_column: column of the answer
    :param columns: ``answer``, or ``flatten`` for a column for each property of ``response_format``
    :param extra_columns: further columns: ``finish_reason``, ``model``, ``reasoning``, ``request_id`` and ``usage``
    :param keep_columns: columns of the rows to keep; default: all
    :param concurrency: maximum number of requests at a time, up to 512; ``auto`` for as many as the rate limit needs
    :param max_retries: attempts after the first one for each row, 0 for none; default: the connection's value
    :param kwargs: parameters of :class:`._rows.RowsOperator` and :class:`._chat_request.ChatRequestOperator`
    """

    template_fields = (
        "rows",
        "key",
        "answer_column",
        "columns",
        "extra_columns",
        "keep_columns",
        "concurrency",
        *RowsOperator.template_fields,
        *ChatRequestOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "rows": "json",
        **ChatRequestOperator.template_fields_renderers,
    }
    prompt_fields = ("rows", *ChatRequestOperator.prompt_fields)

    def __init__(
        self,
        *,
        rows: Any = None,
        key: str | None = None,
        answer_column: str = "answer",
        columns: str = "answer",
        extra_columns: Any = None,
        keep_columns: Any = None,
        part_size: int | str = 100,
        concurrency: int | str = defaults.CONCURRENCY,
        **kwargs: Any,
    ) -> None:
        super().__init__(part_size=part_size, **kwargs)
        self.rows = rows
        self.key = key
        self.answer_column = answer_column
        self.columns = columns
        self.extra_columns = extra_columns
        self.keep_columns = keep_columns
        self.concurrency = concurrency

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Ask about the rows, and return the answers or the manifest.

        :param context: the task's context
        :return: ``answers``, ``errors``, ``usage`` and ``model``; with ``output_path`` the manifest
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "chat_model")
        usage_tracker = self.hook.track_usage(self.max_cost, self.max_total_tokens)  # type: ignore[arg-type]  # as below
        try:
            if self.output_path is None:
                answers = self._ask(context, usage_tracker)
                self.check_empty(len(answers["answers"]))
                return answers
            return self.return_manifest(context, self._ask_to_folder(context, usage_tracker))
        finally:
            # Also if it failed: those requests are billed.
            if usage_tracker.usage.requests:
                self.report_usage(context, usage_tracker, priced=self.report_cost)

    def _ask(self, context: Context, usage_tracker: UsageTracker) -> dict[str, Any]:
        with self.hook.boundary():
            rows = list(self.read_rows(self.rows, "rows"))
        if len(rows) > MAX_XCOM_ROWS:
            self.log.warning(
                "%s answers will go to XCom, most often into the metadata database, and a retry would pay for all of "
                "them again: give output_path to write them to files instead.",
                f"{len(rows):,}",
            )
        try:
            return self.hook.chat_rows(rows, None, self.model, usage_tracker=usage_tracker, **self._options())
        except BaseException as error:
            # They are billed. A task that handles the failure, or a user, can read them there. Airflow's timeout is no
            # Exception.
            response = getattr(error, "response", None)
            if response and any(answer is not None for answer in response.get("answers", ())):
                self.push_xcom(context, "answers", response)
            raise

    def _ask_to_folder(self, context: Context, usage_tracker: UsageTracker) -> dict[str, Any]:
        with self.hook.boundary():
            rows = self.read_rows(self.rows, "rows")
            folder = to_object_path(self.output_path, "output_path")
        return self.hook.chat_rows(
            rows,
            folder,
            self.model,
            output_format=self.output_format,
            part_size=self.part_size,  # type: ignore[arg-type]  # rendered text is read by the hook
            if_exists=self.if_exists,
            owner=read_owner(context),
            usage_tracker=usage_tracker,
            **self._options(),
        )

    def _options(self) -> dict[str, Any]:
        prompts = ("prompt", "system_prompt", "messages", "images")
        own = (*prompts, *_COLUMN_PARAMS, "concurrency", "on_error", "max_failures")
        return {name: getattr(self, name) for name in own} | self.chat_params(*own)
