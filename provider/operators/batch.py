"""
The operator for batches: many rows within a day, at half the price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..client.batches.batches_api import FINAL_STATUSES, describe, summary
from ..compat import read_task_instance
from ..errors import ConfigurationError
from ..hooks.files.object_path import to_object_path
from ..hooks.files.owner import read_owner
from ..validation import integer, number, quote, text
from ._base import is_deferrable
from ._chat_request import ChatRequestOperator
from ._rows import RowsOperator

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.batch.batch_run import BatchRun
    from ..hooks.batch.row_batches import RowBatches

#: Endpoints that a batch can send its rows to.
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")


class OVHCloudAIEndpointsBatchOperator(RowsOperator, ChatRequestOperator):
    """
    Process rows in batches, which take up to a day and cost half.

    The batches carry the identity of the task's run. If the task is retried, it finds them. It waits for batches in
    progress, reads those that have finished, and starts new ones only for rows without a result. If you clear the task,
    it cancels the batches in progress and starts again, unless ``reattach="always"``.

    XCom ``batches`` has ``id``, ``status`` and the numbers of rows ``completed``, ``failed`` and in ``total`` of each
    batch. The task writes it at the start and at the end.

    Without ``output_path``, XCom has ``results`` (an answer or vector for each row, None for a failed row), ``errors``
    (each with ``index`` and ``error``), ``usage`` and ``model``. With it, the results go to files in that folder, with
    the columns of their rows and ``error``, and XCom has a manifest. XCom ``path`` has the path of the folder.

    A repair and a request to a fallback model need another batch, which takes up to a day, too. So they are off unless
    you set ``repair`` or ``fallback_models``.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param rows: dictionaries, or strings, which become ``{"text": ...}``, instead of ``input_path``
    :param endpoint: ``/v1/chat/completions`` or ``/v1/embeddings``
    :param prompt: the user's message about each row, with ``{column}`` in place of a value of the row; default:
        ``{text}``
    :param system_prompt: the system message, with ``{column}`` too
    :param messages: messages instead of ``prompt``, with ``{column}`` in their texts
    :param images: column with the path of an image, or with a list of paths, for the user's last message
    :param text_column: the column to embed
    :param key: column that identifies a row, together with what is asked about it
    :param answer_column: column of the answer
    :param columns: ``answer``, or ``flatten`` for a column for each property of ``response_format``
    :param extra_columns: further columns: ``finish_reason``, ``model``, ``reasoning`` and ``usage``
    :param keep_columns: columns of the rows to keep; default: all
    :param model: model id; default: the connection's chat or embedding model
    :param repair: whether to send back an answer in another format once, in another batch
    :param tools: dictionaries in OpenAI's format
    :param temperature: randomness, 0 to 2; None uses the model's default
    :param completion_window: maximum time for a batch
    :param poll_interval: seconds between two requests for a batch's status; a triggerer increases it over time
    :param deferrable: whether a triggerer waits instead of the worker; default: ``[operators] default_deferrable``
    :param on_error: ``fail`` fails the task if rows failed, ``skip`` doesn't
    :param reattach: ``retry`` finds the batches of earlier tries, ``always`` also those from before a clear
    :param extra_body: more fields of each request, such as ``dimensions``
    :param kwargs: parameters of :class:`._rows.RowsOperator` and :class:`._chat_request.ChatRequestOperator`
    """

    template_fields = (
        "rows",
        "endpoint",
        "text_column",
        "key",
        "answer_column",
        "columns",
        "extra_columns",
        "keep_columns",
        "completion_window",
        "poll_interval",
        "reattach",
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
        endpoint: str = ENDPOINTS[0],
        text_column: str = "text",
        key: str | None = None,
        answer_column: str = "answer",
        columns: str = "answer",
        extra_columns: Any = None,
        keep_columns: Any = None,
        repair: bool = False,
        temperature: float | str | None = None,
        completion_window: str = "24h",
        poll_interval: float | str = 60.0,
        deferrable: bool | None = None,
        reattach: str = "retry",
        **kwargs: Any,
    ) -> None:
        super().__init__(repair=repair, temperature=temperature, **kwargs)
        self.rows = rows
        self.endpoint = endpoint
        self.text_column = text_column
        self.key = key
        self.answer_column = answer_column
        self.columns = columns
        self.extra_columns = extra_columns
        self.keep_columns = keep_columns
        self.completion_window = completion_window
        self.poll_interval = poll_interval
        self.deferrable = deferrable
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
        asks_chat = self._check_choices()
        self.push_links(context, self.model, "chat_model" if asks_chat else "embedding_model")
        with self.hook.boundary():
            run = self._build_run(context)
            return self._advance(context, run, run.find(), rounds=0, sends_failed=True)

    def execute_complete(
        self,
        context: Context,
        event: dict[str, Any],
        batch_ids: list[str] | None = None,
        try_number: int | None = None,
        rounds: int = 0,
    ) -> dict[str, Any]:
        """
        Resume after the triggerer has seen that the batches finished, or that it can't read them.

        :param context: the task's context
        :param event: the trigger's event, which is only a hint; the task reads the state of its batches again
        :param batch_ids: ids of the batches that the task was deferred for
        :param try_number: number of the try that was deferred
        :param rounds: number of times that this try has started batches
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
            batches = [self.hook.get_batch(batch_id) for batch_id in batch_ids]
            return self._advance(context, self._build_run(context), batches, rounds=rounds)

    def _advance(
        self,
        context: Context,
        run: BatchRun,
        batches: Sequence[dict[str, Any]],
        *,
        rounds: int,
        sends_failed: bool = False,
    ) -> dict[str, Any]:
        """
        Start batches for the requests without an answer, and wait; collect the results once there are none.
        """
        from ..hooks.batch.batch_answers import Answers
        from ..hooks.batch.batch_run import wait

        seconds = number(self.poll_interval, "poll_interval", 0)
        while True:
            with Answers(self.hook) as answers:
                for batch in batches:
                    if batch["status"] in FINAL_STATUSES:
                        answers.add(batch)
                plan = self._plan(context, answers, sends_failed=sends_failed)
                all_batches = run.start(plan.iter_lines(self._rows(), batches, rounds), batches)
                self._batch_ids = [batch["id"] for batch in all_batches]
                for batch in all_batches:
                    self._log_batch(batch)
                self._push_batches(context, all_batches)
                if all(batch["status"] in FINAL_STATUSES for batch in all_batches):
                    self._batch_ids = []
                    return self._collect(context, plan)
            rounds, sends_failed = rounds + 1, False
            if is_deferrable(self.deferrable):
                self._defer(context, seconds, rounds)
            batches = list(wait(self.hook, self._batch_ids, seconds, self._log_batch))

    def _defer(self, context: Context, seconds: float, rounds: int) -> None:
        from ..triggers.batch import OVHCloudAIEndpointsBatchTrigger

        ids, self._batch_ids = self._batch_ids, []
        trigger = OVHCloudAIEndpointsBatchTrigger(ids, self.ovh_conn_id, seconds, cancel_on_kill=True)
        awaited = {"batch_ids": ids, "try_number": _read_try_number(context), "rounds": rounds}
        self.defer(trigger=trigger, method_name="execute_complete", kwargs=awaited)

    def _collect(self, context: Context, plan: RowBatches) -> dict[str, Any]:
        if self.output_path is not None:
            return self.return_manifest(context, plan.write(self._rows()))
        results = plan.collect(self._rows())
        self.check_empty(len(results["results"]))
        return results

    def on_kill(self) -> None:
        """
        Cancel the batches that this try waits for: a user marked the task as failed or cleared it, or it timed out.
        """
        for batch_id in self._batch_ids:
            self.log.info("AI Endpoints batch %s is cancelled, as its task was ended.", batch_id)
            self.hook.cancel_batch(batch_id)

    def _check_choices(self) -> bool:
        choices = {"endpoint": ENDPOINTS, "on_error": ("fail", "skip"), "reattach": ("retry", "always")}
        with self.hook.boundary():
            for name, allowed in choices.items():
                if (value := getattr(self, name)) not in allowed:
                    raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {quote(value)}.")
        return self.endpoint == ENDPOINTS[0]

    def _build_run(self, context: Context) -> BatchRun:
        from ..hooks.batch.batch_run import BatchRun
        from ..hooks.batch.task_identity import BatchTask

        self._check_choices()
        task = BatchTask(context, self.retries or 0, always=self.reattach == "always")
        return BatchRun(self.hook, self.endpoint, self.completion_window, task)

    def _plan(self, context: Context, answers: Any, *, sends_failed: bool) -> RowBatches:
        from ..hooks.batch.batch_rows import BatchLookup
        from ..hooks.batch.row_batches import build_row_batches
        from ..hooks.batch.task_identity import MAX_WINDOW_S

        return build_row_batches(
            self.hook,
            BatchLookup(answers, ignores_failures=sends_failed),
            self.model,
            self._options(),
            read_rows=self._rows,
            output=None if self.output_path is None else to_object_path(self.output_path, "output_path"),
            output_format=self.output_format,
            owner=read_owner(context, MAX_WINDOW_S),
            if_exists=self.if_exists,
            part_size=integer(self.part_size, "part_size", 1),
            on_error=self.on_error,
            max_failures=self.max_failures,
            max_cost=self.max_cost,
            max_total_tokens=self.max_total_tokens,
        )

    def _options(self) -> dict[str, Any]:
        if self.endpoint == ENDPOINTS[1]:
            params = self.further_parameters(("model", "input"))
            return {"text_column": text(self.text_column, "text_column"), "params": params}
        own = ("prompt", "system_prompt", "messages", "images")
        columns = ("key", "answer_column", "columns", "extra_columns", "keep_columns")
        return {name: getattr(self, name) for name in (*own, *columns)} | self.chat_params(*own, *columns)

    def _rows(self) -> Iterable[dict[str, Any]]:
        return self.read_rows(self.rows, "rows")

    def _push_batches(self, context: Context, batches: list[dict[str, Any]]) -> None:
        self.push_xcom(context, "batches", [summary(batch) for batch in batches])

    def _log_batch(self, batch: dict[str, Any]) -> None:
        self.log.info(describe(summary(batch)))


def _read_try_number(context: Context) -> int | None:
    return getattr(read_task_instance(context), "try_number", None)
