"""
The operator for batches: many rows within a day, at half the price.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from ..client.batches.batches_api import FINAL_STATUSES, describe, summary
from ..compat import read_task_instance
from ..errors import ConfigurationError
from ..hooks.files.object_path import to_object_path
from ..validation import integer, number, quote
from ._base import AIEndpointsOperator, is_deferrable
from ._rows import read_rows

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.batch.batch_rows import BatchRows
    from ..rows.folder import Folder

#: Endpoints that a batch can send its rows to.
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")


class OVHCloudAIEndpointsBatchOperator(AIEndpointsOperator):
    """
    Process rows in batches, which take up to a day and cost half.

    The batches carry the identity of the task's run. If the task is retried, it finds them. It waits for batches in
    progress, reads those that have finished, and starts new ones only for rows without a result. If you clear the task,
    it cancels the batches in progress and starts again, unless ``reattach="always"``.

    XCom ``batches`` has ``id``, ``status`` and the numbers of rows ``completed``, ``failed`` and in ``total`` of each
    batch. The task writes it at the start and at the end.

    Without ``output_path``, XCom has ``results`` (an answer or vector for each row, None for a failed row), ``errors``
    (each with ``index`` and ``error``), ``usage`` and ``model``. With it, the results go to files in that folder, with
    the columns of their rows and ``error``, and XCom has a manifest.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param rows: dictionaries, or strings, which become ``{"text": ...}``
    :param input_path: a file of rows, or a folder of such files, instead of ``rows``
    :param input_format: format of the input; default: by its suffix
    :param output_path: folder for the results
    :param output_format: ``jsonl``, ``parquet``, or for vectors ``npy``
    :param part_size: rows in a file of the output
    :param endpoint: ``/v1/chat/completions`` or ``/v1/embeddings``
    :param prompt: the user's message about each row, with ``{column}`` in place of a value of the row
    :param system_prompt: the system message, with ``{column}`` too
    :param text_column: the column to embed
    :param model: model id; default: the connection's chat or embedding model
    :param temperature: randomness, 0 to 2; None uses the model's default
    :param max_tokens: maximum number of tokens to generate for each row
    :param completion_window: maximum time for a batch
    :param poll_interval: seconds between two requests for a batch's status; a triggerer increases it over time
    :param deferrable: whether a triggerer waits instead of the worker; default: ``[operators] default_deferrable``
    :param on_error: ``fail`` fails the task if rows failed, ``skip`` doesn't
    :param reattach: ``retry`` finds the batches of earlier tries, ``always`` also those from before a clear
    :param extra_body: more fields of each request, such as ``response_format`` or ``dimensions``
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
        "endpoint",
        "prompt",
        "system_prompt",
        "text_column",
        "temperature",
        "max_tokens",
        "completion_window",
        "poll_interval",
        "on_error",
        "reattach",
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
        part_size: int | str = 1_000,
        endpoint: str = ENDPOINTS[0],
        prompt: str = "{text}",
        system_prompt: str | None = None,
        text_column: str = "text",
        model: str | None = None,
        temperature: float | str | None = None,
        max_tokens: int | str | None = None,
        completion_window: str = "24h",
        poll_interval: float | str = 60.0,
        deferrable: bool | None = None,
        on_error: str = "fail",
        reattach: str = "retry",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self.input_path = input_path
        self.input_format = input_format
        self.output_path = output_path
        self.output_format = output_format
        self.part_size = part_size
        self.endpoint = endpoint
        self.prompt = prompt
        self.system_prompt = system_prompt
        self.text_column = text_column
        self.model = model
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.completion_window = completion_window
        self.poll_interval = poll_interval
        self.deferrable = deferrable
        self.on_error = on_error
        self.reattach = reattach
        self._batch_ids: list[str] = []

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Start or find the batches, wait for them, and return the results or the manifest.

        :param context: the task's context
        :return: ``results``, ``errors``, ``usage`` and ``model``; with ``output_path`` the manifest
        :raises PartialFailureError: if rows failed and ``on_error`` is ``fail``; a retry sends those again
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        return self._run(context)

    def _run(self, context: Context) -> dict[str, Any]:
        from ..hooks.batch.batch_run import BatchRun
        from ..hooks.batch.task_identity import BatchTask

        asks_chat = self._check_choices()
        self.push_links(context, self.model, "chat_model" if asks_chat else "embedding_model")
        with self.hook.boundary():
            seconds = number(self.poll_interval, "poll_interval", 0)
            batch_rows, folder, part_size = self._plan()
            task = BatchTask(context, self.retries or 0, always=self.reattach == "always")
            run = BatchRun(self.hook, self.endpoint, self.completion_window, task)
            lines = batch_rows.missing(self._rows(), folder, part_size) if folder else batch_rows.lines(self._rows())
            batches = run.start(lines)
        self._batch_ids = [batch["id"] for batch in batches]
        for batch in batches:
            self._log_batch(batch)
        self._push_batches(context, batches)
        if is_deferrable(self.deferrable) and not all(batch["status"] in FINAL_STATUSES for batch in batches):
            self._defer(context, seconds)
        return self._finish(context, seconds)

    def execute_complete(
        self,
        context: Context,
        event: dict[str, Any],
        batch_ids: list[str] | None = None,
        try_number: int | None = None,
    ) -> dict[str, Any]:
        """
        Resume after the triggerer has seen that the batches finished, or that it can't read them.

        :param context: the task's context
        :param event: the trigger's event, which is only a hint; the task reads the state of its batches again
        :param batch_ids: ids of the batches that the task was deferred for
        :param try_number: number of the try that was deferred
        :return: as of :meth:`execute`
        :raises AIEndpointsError: as of :meth:`execute`
        """
        event_ids = event.get("batch_ids") if isinstance(event, dict) else None
        # Airflow 3.0 gives a retry the event of the try before it. If ids of triggers are used again, as in SQLite, an
        # event from before a clear may reach the task after it. `airflow dags test` passes only the event, on every
        # release.
        if batch_ids is None or event_ids != batch_ids or try_number != _read_try_number(context):
            self.log.warning("That the trigger's event is of this try is not known: the task looks for its batches.")
            return self._run(context)
        with self.hook.boundary():
            seconds = number(self.poll_interval, "poll_interval", 0)
        self._batch_ids = batch_ids
        return self._finish(context, seconds)

    def _defer(self, context: Context, seconds: float) -> None:
        from ..triggers.batch import OVHCloudAIEndpointsBatchTrigger

        ids, self._batch_ids = self._batch_ids, []
        trigger = OVHCloudAIEndpointsBatchTrigger(ids, self.ovh_conn_id, seconds, cancel_on_kill=True)
        awaited = {"batch_ids": ids, "try_number": _read_try_number(context)}
        self.defer(trigger=trigger, method_name="execute_complete", kwargs=awaited)

    def _plan(self) -> tuple[BatchRows, Folder | None, int]:
        asks_chat = self.endpoint == ENDPOINTS[0]
        model = self.hook.choose_model(self.model, "chat_model" if asks_chat else "embedding_model")
        batch_rows, folder = self._build_rows(asks_chat, model), self._folder(asks_chat, model)
        if folder:
            folder.begin()
        return batch_rows, folder, integer(self.part_size, "part_size", 1)

    def _finish(self, context: Context, seconds: float) -> dict[str, Any]:
        from ..hooks.batch.batch_answers import Answers
        from ..hooks.batch.batch_run import wait

        with self.hook.boundary(), Answers(self.hook) as answers:
            ended = list(wait(self.hook, self._batch_ids, seconds, self._log_batch))
            self._batch_ids = []
            self._push_batches(context, ended)
            for batch in ended:
                answers.add(batch)
            batch_rows, folder, part_size = self._plan()
            results = self._results(batch_rows, folder, part_size, answers)
        if folder:
            self.record_lineage(context, results, [results["path"]], [self.input_path])
        return results

    def on_kill(self) -> None:
        """
        Cancel the batches that this try waits for: a user marked the task as failed or cleared it, or it timed out.
        """
        for batch_id in self._batch_ids:
            self.log.info("AI Endpoints batch %s is cancelled, as its task was ended.", batch_id)
            self.hook.cancel_batch(batch_id)

    def _results(self, batch_rows: BatchRows, folder: Folder | None, part_size: int, answers: Any) -> dict[str, Any]:
        asks_chat = self.endpoint == ENDPOINTS[0]
        if folder:
            metadata = batch_rows.write(self._rows(), folder, part_size, answers)
            if self.on_error == "fail":
                batch_rows.check()
            return folder.finish(metadata)
        records = list(batch_rows.collect(self._rows(), answers))
        if self.on_error == "fail":
            batch_rows.check()
        column = "answer" if asks_chat else "embedding"
        errors = [{"index": index, "error": row["error"]} for index, row in enumerate(records) if row["error"]]
        results = [row[column] if asks_chat or row["error"] else list(row[column]) for row in records]
        return {"model": batch_rows.model, "results": results, "errors": errors, "usage": batch_rows.usage}

    def _check_choices(self) -> bool:
        choices = {"endpoint": ENDPOINTS, "on_error": ("fail", "skip"), "reattach": ("retry", "always")}
        with self.hook.boundary():
            for name, allowed in choices.items():
                if (value := getattr(self, name)) not in allowed:
                    raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {quote(value)}.")
        return self.endpoint == ENDPOINTS[0]

    def _build_rows(self, asks_chat: bool, model: Any) -> BatchRows:
        from ..hooks.batch import batch_rows

        further = self.further_parameters(("model", "messages", "input", "temperature", "max_tokens"))
        if asks_chat:
            options = {"temperature": self.temperature, "max_tokens": self.max_tokens, **further}
            return batch_rows.chat(model, self.prompt, self.system_prompt, options)
        return batch_rows.embedding(model, self.text_column, further)

    def _folder(self, asks_chat: bool, model: Any) -> Folder | None:
        from ..rows.folder import Folder

        if self.output_path is None:
            return None
        request_params = ("endpoint", "temperature", "max_tokens", "extra_body")
        texts = ("prompt", "system_prompt") if asks_chat else ("text_column",)
        recipe = {"model": model, **{name: getattr(self, name) for name in (*request_params, *texts)}}
        vectors = None if asks_chat else "embedding"
        return Folder(to_object_path(self.output_path, "output_path"), self.output_format, recipe, vectors=vectors)

    def _rows(self) -> Iterable[dict[str, Any]]:
        return read_rows(self.rows, self.input_path, self.input_format, "rows")

    def _push_batches(self, context: Context, batches: list[dict[str, Any]]) -> None:
        self.push_xcom(context, "batches", [summary(batch) for batch in batches])

    def _log_batch(self, batch: dict[str, Any]) -> None:
        self.log.info(describe(summary(batch)))


def _read_try_number(context: Context) -> int | None:
    return getattr(read_task_instance(context), "try_number", None)
