"""
The rows of a task that batches answer: the requests to send, and the results.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...client.usage import Usage
from ...rows.folder import Folder
from ...rows.formats import find_schema
from ...rows.run_file import Owner
from ...rows.serialization import Row
from ..bulk.answer_list import AnswerList
from ..bulk.chat_rows import ChatRows
from ..bulk.failures import Failures
from ..bulk.progress import Progress
from ..bulk.resumable_run import ResumableRun
from ..chat.conversation import Conversation
from .batch_rows import BatchEmbeddingRows, BatchLookup, iter_unanswered
from .batch_run import Line

if TYPE_CHECKING:
    from ..ai_endpoints import OVHCloudAIEndpointsHook
    from ..usage.usage_tracker import UsageTracker

#: Bytes of a request for each token, to estimate its usage before it is sent.
BYTES_PER_TOKEN = 4

#: Rows of one part in memory: all of them.
_ALL_ROWS = 10**9


class RowBatches:
    """
    The rows of a task that batches answer.

    :param plan: how to ask about rows
    :param lookup: answers the plan's requests
    :param progress: counts the rows and usage of the results
    :param folder: folder of the results, or None to return them
    :param part_size: number of rows in a part
    :param failures: counts failed rows
    :param budget: limits of the usage
    :param max_follow_ups: number of requests about a row after the first: for a repair, and to fallback models
    :param log: logger of the task
    """

    def __init__(
        self,
        plan: ChatRows | BatchEmbeddingRows,
        lookup: BatchLookup,
        progress: Progress,
        *,
        folder: Folder | None,
        part_size: int,
        failures: Failures,
        budget: UsageTracker,
        max_follow_ups: int,
        log: Any,
    ) -> None:
        self._plan = plan
        self._lookup = lookup
        self._progress = progress
        self._folder = folder
        self._part_size = part_size
        self._failures = failures
        self._budget = budget
        self._max_follow_ups = max_follow_ups
        self._log = log
        if folder:
            folder.begin()

    def iter_lines(self, rows: Iterable[Row], batches: Sequence[Mapping[str, Any]], rounds: int) -> Iterator[Line]:
        """
        Iterate over the requests to send.

        :param rows: all rows
        :param batches: the task's batches so far
        :param rounds: number of times that this try has started batches
        :return: the requests that no batch has answered; if a batch has ended before its end, none, as its rows failed
        :raises BudgetExceededError: if the estimated usage exceeds the task's limits
        """
        # Once more for rows that changed meanwhile, and once for each repair and fallback model.
        if rounds > max(1, self._max_follow_ups) or (rounds and not all(map(_is_whole, batches))):
            return
        estimate = Usage()
        answers = AnswerList(self._plan.result_columns) if self._folder is None else self._folder
        size = _ALL_ROWS if self._folder is None else self._part_size
        # Apart from the counts of the results, which read the same answers again.
        self._plan.progress = progress = Progress(self._log, "")
        with ResumableRun(answers, self._plan, progress) as run:
            for unanswered in iter_unanswered(run, self._plan, self._lookup, rows, size):
                if unanswered.is_first and rounds > 1:
                    continue  # the service left it out twice
                estimate += _estimate_usage(unanswered.line)
                self._budget.check_estimate(unanswered.line.body["model"], progress.usage + estimate)
                yield unanswered.line

    def write(self, rows: Iterable[Row]) -> dict[str, Any]:
        """
        Write the results to the folder.

        :param rows: all rows
        :return: the manifest
        :raises PartialFailureError: if rows failed, unless they are skipped
        """
        assert self._folder is not None  # noqa: S101  (the caller has one)
        self._plan.progress = self._progress
        self._folder.begin()  # the rows may have changed since their requests were listed
        with ResumableRun(self._folder, self._plan, self._progress) as run:
            run.work(rows, self._part_size, 1, self._failures)
        self._failures.finish(self._log)
        return self._folder.finish({**self._plan.metadata, **self._progress.summary})

    def collect(self, rows: Iterable[Row]) -> dict[str, Any]:
        """
        Return the results.

        :param rows: all rows
        :return: ``model``, ``results``, ``errors`` and ``usage``
        :raises PartialFailureError: if rows failed, unless they are skipped
        """
        self._plan.progress = self._progress
        answers = AnswerList(self._plan.result_columns)
        with ResumableRun(answers, self._plan, self._progress) as run:
            run.work(rows, _ALL_ROWS, 1, self._failures)
        self._failures.finish(self._log)
        results = [list(each) if isinstance(each, array) else each for each in answers.answers]
        usage = self._progress.usage.as_dict()
        return {"model": self._plan.model, "results": results, "errors": answers.errors, "usage": usage}


def build_row_batches(  # noqa: PLR0913  (each is one parameter of the operator)
    hook: OVHCloudAIEndpointsHook,
    lookup: BatchLookup,
    model: str | None,
    options: Mapping[str, Any],
    *,
    read_rows: Callable[[], Iterable[Row]],
    output: Any = None,
    output_format: str = "jsonl",
    owner: Owner | None = None,
    if_exists: str = "fail",
    part_size: int,
    on_error: str,
    max_failures: Any = None,
    max_cost: Any = None,
    max_total_tokens: Any = None,
) -> RowBatches:
    """
    Build the batches of a task.

    :param hook: hook of the connection
    :param lookup: answers the requests
    :param model: model id; the connection's model unless given
    :param options: for chat, parameters of :meth:`plan_rows`; for embeddings ``text_column`` and ``params``
    :param read_rows: reads the rows, for their schema
    :param output: folder of the results, or None to return them
    :param output_format: ``jsonl``, ``parquet`` or ``npy``
    :param owner: the run that writes the folder, or None
    :param if_exists: ``update`` or ``fail``, if another run has written the folder
    :param part_size: number of rows in a part
    :param on_error: ``fail`` or ``skip``
    :param max_failures: number or share of failed rows up to which the task succeeds with ``skip``
    :param max_cost: maximum cost of the task, estimated before requests are sent
    :param max_total_tokens: maximum number of tokens, likewise
    :return: the batches
    :raises ConfigurationError: if a parameter is invalid
    """
    progress = Progress(hook.log, "AI Endpoints batch")
    plan: ChatRows | BatchEmbeddingRows
    if "text_column" in options:
        model = hook.choose_model(model, "embedding_model")
        plan = BatchEmbeddingRows(lookup, model, options["text_column"], options["params"], progress)
        recipe = {"embedding": options["text_column"], "model": model, "parameters": options["params"], "batch": True}
        vectors: str | None = "embedding"
        keep: Sequence[str] | None = None
        max_follow_ups = 0
    else:
        rows = hook.plan_rows(model, **options)
        tracker = hook.track_usage()

        def start(messages: Any, key: bytes) -> Conversation:
            ask = lookup.build_ask(rows.plan, messages, key)
            return Conversation(ask, messages, rows.plan, usage_tracker=tracker, log=hook.log, max_log_level=10)

        plan = ChatRows(rows.plan, rows.template, rows.columns, start, progress)
        recipe, vectors, keep = rows.recipe, None, rows.columns.keep
        max_follow_ups = len(rows.plan.models) - 1 + bool(rows.plan.structure and rows.plan.repair)
    plan.has_statuses = output is None
    folder = None
    if output is not None:
        schema = find_schema(output_format, read_rows(), keep)
        folder = Folder(output, output_format, recipe, vectors=vectors, schema=schema, owner=owner, if_exists=if_exists)
    return RowBatches(
        plan,
        lookup,
        progress,
        folder=folder,
        part_size=part_size,
        failures=Failures(on_error, max_failures, stops=False),
        budget=hook.track_usage(max_cost, max_total_tokens),
        max_follow_ups=max_follow_ups,
        log=hook.log,
    )


def _is_whole(batch: Mapping[str, Any]) -> bool:
    """
    Return whether a batch has an answer or an error for each of its lines.
    """
    counts = batch.get("request_counts")
    fields = counts if isinstance(counts, Mapping) else {}
    total = fields.get("total")
    is_counted = isinstance(total, int)
    return batch["status"] == "completed" and (
        not is_counted or total == (fields.get("completed") or 0) + (fields.get("failed") or 0)
    )


def _estimate_usage(line: Line) -> Usage:
    tokens_in = len(str(line.body.get("messages") or line.body.get("input"))) // BYTES_PER_TOKEN
    tokens_out = int(line.body.get("max_tokens") or 0)
    return Usage(1, tokens_in, tokens_out, tokens_in + tokens_out)
