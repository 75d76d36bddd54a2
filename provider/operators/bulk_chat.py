"""
The operator that sends many prompts to a language model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ..client.chat.chat_response import read_text
from ..client.chat.prompt_template import build_conversation
from ..errors import AIEndpointsError, ConfigurationError
from ..hooks.files.object_path import to_object_path
from ..validation import text
from ._base import AIEndpointsOperator
from ._rows import read_rows

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.usage.usage_tracker import UsageTracker

#: More answers don't belong in XCom: 5,000 of a few paragraphs are some 5 MB in the metadata database.
MAX_XCOM_ROWS = 5_000


class OVHCloudAIEndpointsBulkChatOperator(AIEndpointsOperator):
    """
    Send a prompt about each row to a language model, a few at a time; XCom has the answers in the order of the rows.

    XCom ``return_value``: ``answers`` (a string for each row, None for a failed row), ``errors`` (each with ``index``,
    ``error`` and ``status``), the summed ``usage``, and ``model``. A failed task pushes the same as the XCom
    ``answers``. XCom ``usage`` has the cost as well.

    With ``output_path``, the answers go to files in that folder, in the column ``answer`` after the columns of their
    rows, and XCom has a manifest. A retry sends only rows without an answer there.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param rows: dictionaries, or strings, which become ``{"text": ...}``
    :param input_path: a file of rows, or a folder of such files, instead of ``rows``: ``.jsonl``, ``.csv``,
        ``.parquet`` or ``.txt``, on this machine or in object storage
    :param input_format: format of the input; default: by its suffix
    :param output_path: folder for the answers
    :param output_format: ``jsonl`` or ``parquet``
    :param part_size: rows in a file of the output
    :param prompt: the user's message about each row, with ``{column}`` in place of a value of the row
    :param system_prompt: the system message, with ``{column}`` too
    :param model: model id; default: the connection's chat model
    :param concurrency: number of requests at a time, 1 to 32
    :param on_error: ``fail`` fails the task after all rows, ``skip`` doesn't fail it, ``raise`` fails it at the first
        failure
    :param temperature: randomness, 0 to 2; None uses the model's default
    :param max_tokens: maximum number of tokens to generate for each row
    :param top_p: nucleus sampling, 0 to 1
    :param stop: one or several strings at which the model stops
    :param max_cost: maximum cost of the task's requests, in the currency of the service's list of models; the task
        sends no more rows after it is reached
    :param max_total_tokens: maximum number of tokens of all requests, likewise
    :param report_cost: whether to read the prices in the service's list of models after the answers
    :param max_retries: attempts after the first one for each row, 0 for none; default: the connection's value
    :param extra_body: more fields of each request, such as ``response_format`` or ``seed``
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields = (
        "model",
        "rows",
        "input_path",
        "input_format",
        "output_path",
        "output_format",
        "part_size",
        "prompt",
        "system_prompt",
        "concurrency",
        "on_error",
        "temperature",
        "max_tokens",
        "top_p",
        "stop",
        "max_cost",
        "max_total_tokens",
        *AIEndpointsOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"rows": "json", "extra_body": "json"}
    prompt_fields = ("rows", "prompt", "system_prompt")

    def __init__(
        self,
        *,
        rows: Any = None,
        input_path: str | None = None,
        input_format: str | None = None,
        output_path: str | None = None,
        output_format: str = "jsonl",
        part_size: int | str = 100,
        prompt: str = "{text}",
        system_prompt: str | None = None,
        model: str | None = None,
        concurrency: int | str = defaults.CONCURRENCY,
        on_error: str = "fail",
        temperature: float | str | None = defaults.TEMPERATURE,
        max_tokens: int | str | None = None,
        top_p: float | str | None = None,
        stop: str | list[str] | None = None,
        max_cost: float | str | None = None,
        max_total_tokens: int | str | None = None,
        report_cost: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self.input_path = input_path
        self.input_format = input_format
        self.output_path = output_path
        self.output_format = output_format
        self.part_size = part_size
        self.prompt = prompt
        self.system_prompt = system_prompt
        self.model = model
        self.concurrency = concurrency
        self.on_error = on_error
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.top_p = top_p
        self.stop = stop
        self.max_cost = max_cost
        self.max_total_tokens = max_total_tokens
        self.report_cost = report_cost

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Send the prompts, and return the answers or the manifest.

        :param context: the task's context
        :return: ``answers``, ``errors``, ``usage`` and ``model``; with ``output_path`` the manifest
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "chat_model")
        usage_tracker = self.hook.track_usage(self.max_cost, self.max_total_tokens)  # type: ignore[arg-type]  # as below
        try:
            with self.hook.boundary():
                rows = read_rows(self.rows, self.input_path, self.input_format, "rows")
            if self.output_path is None:
                return self._to_xcom(rows, usage_tracker, context)
            manifest = self._to_folder(rows, usage_tracker)
            self.record_lineage(context, manifest, [manifest["path"]], [self.input_path])
            return manifest
        finally:
            # Also if it failed: those requests are billed.
            if usage_tracker.requests:
                self.report_usage(context, usage_tracker, priced=self.report_cost)

    def _to_xcom(self, rows: Iterable[dict[str, Any]], usage_tracker: UsageTracker, context: Context) -> dict[str, Any]:
        with self.hook.boundary():
            # All prompts are built before the first is sent, so a misspelt column costs nothing.
            conversations = [self._conversation(number, row) for number, row in enumerate(rows)]
        if len(conversations) > MAX_XCOM_ROWS:
            self.log.warning(
                "%s answers will go to XCom, most often into the metadata database, and a retry would pay for all of "
                "them again: give output_path to write them to files instead.",
                f"{len(conversations):,}",
            )
        try:
            results = self.hook.chat_completions(
                conversations, self.model, usage_tracker=usage_tracker, **self._options()
            )
            return _answers(results)
        except AIEndpointsError as error:
            # They are billed. A task that handles the failure, or a user, can read them there.
            if error.response and any(error.response["responses"]):
                self.push_xcom(context, "answers", _answers(error.response))
            raise

    def _to_folder(self, rows: Iterable[dict[str, Any]], usage_tracker: UsageTracker) -> dict[str, Any]:
        with self.hook.boundary():
            folder = to_object_path(self.output_path, "output_path")
        return self.hook.chat_rows(
            rows,
            folder,
            self.model,
            prompt=self.prompt,
            system_prompt=self.system_prompt,
            output_format=self.output_format,
            part_size=self.part_size,  # type: ignore[arg-type]  # rendered text is read by the hook
            usage_tracker=usage_tracker,
            **self._options(),
        )

    def _conversation(self, number: int, row: dict[str, Any]) -> list[dict[str, str]]:
        try:
            return build_conversation(row, text(self.prompt, "prompt"), self.system_prompt)
        except ConfigurationError as error:
            reason = error.args[0]
        raise ConfigurationError(f"Row {number}: {reason}")

    def _options(self) -> dict[str, Any]:
        own = ("temperature", "max_tokens", "top_p", "stop", "concurrency", "on_error")
        further = self.further_parameters((*own, "model", "messages"))
        return {name: getattr(self, name) for name in own} | further


def _answers(results: Mapping[str, Any]) -> dict[str, Any]:
    responses = results["responses"]
    return {
        "model": next((response.get("model") for response in responses if response), None),
        "answers": [response and read_text(response) for response in responses],
        "errors": results["errors"],
        "usage": results["usage"],
    }
