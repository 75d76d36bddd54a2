"""
Methods of the hook for many prompts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from ... import defaults
from ...client.chat.conversation_steps import ChatPlan
from ...client.chat.image_parts import with_images
from ...client.chat.prompt_template import RowTemplate
from ...client.parallel import Outcome, map_ordered
from ...errors import AIEndpointsError, ConfigurationError
from ...rows.folder import Folder
from ...rows.formats import find_schema
from ...rows.run_file import Owner
from ...rows.serialization import Row
from ...validation import integer, text
from ..bulk.answer_list import AnswerList
from ..bulk.bulk_result import BulkResult
from ..bulk.chat_rows import ANSWER, AnswerColumns, ChatRows, build_columns
from ..bulk.failures import Failures, RowError
from ..bulk.progress import estimate_total
from ..bulk.resumable_run import ResumableRun
from ..chat.conversation import Conversation
from ..files.owner import read_current_owner
from ..usage.usage_tracker import UsageTracker
from .chat import ChatMethods

#: Rows of one part in memory: all of them.
_ALL_ROWS = 10**9


_CONVERSATION_PARAMS = ("response_format", "repair", "tools", "max_tool_rounds", "fallback_models")


class RowConversations(NamedTuple):
    """
    The conversations about rows.

    :param plan: plan of each conversation
    :param template: builds the messages about a row
    :param columns: columns of the records
    :param recipe: everything that affects the records, as JSON
    """

    plan: ChatPlan
    template: RowTemplate
    columns: AnswerColumns
    recipe: dict[str, Any]


class BulkChatMethods(ChatMethods):
    """
    Methods for many prompts.
    """

    def chat_completions(
        self,
        conversations: Iterable[Sequence[Mapping[str, Any]]],
        model: str | None = None,
        *,
        concurrency: int | str = defaults.CONCURRENCY,
        on_error: str = "fail",
        **options: Any,
    ) -> dict[str, Any]:
        """
        Send many conversations to a language model concurrently.

        :param conversations: lists of messages, as :meth:`chat_completion` takes them
        :param model: model id; the connection's chat model unless given
        :param concurrency: maximum number of concurrent requests, or ``auto`` for as many as the rate limit needs
        :param on_error: ``fail`` raises after all requests have run, ``raise`` at the first failure, ``skip`` never
        :param options: further parameters of :meth:`chat_completion`
        :return: ``responses`` in the order of the conversations, with None for a failed request; ``errors``, each with
            ``index``, ``error`` and ``status``; ``usage``, summed
        :raises PartialFailureError: if some requests failed; its ``response`` holds the return value
        :raises AIEndpointsError: if further requests can't succeed, for example without a valid token; its
            ``response`` holds the return value, too
        """
        result = BulkResult()
        with self.boundary():
            failures = Failures(on_error)
            try:
                outcomes = self._iter_outcomes(conversations, model, concurrency, failures, None, options)
                for outcome in outcomes:
                    result.add(outcome)
                failures.finish(self.log)
            except AIEndpointsError as error:
                error.response = result.as_response()
                raise
            return result.as_response()

    def each_chat_completion(
        self,
        conversations: Iterable[Sequence[Mapping[str, Any]]],
        model: str | None = None,
        *,
        concurrency: int | str = defaults.CONCURRENCY,
        on_error: str = "skip",
        usage_tracker: UsageTracker | None = None,
        **options: Any,
    ) -> Iterator[Outcome[Sequence[Mapping[str, Any]], dict[str, Any]]]:
        """
        Send any number of conversations to a language model concurrently, and iterate over the outcomes.

        :param conversations: lists of messages, read lazily
        :param model: model id; the connection's chat model unless given
        :param concurrency: maximum number of concurrent requests, or ``auto`` for as many as the rate limit needs
        :param on_error: ``raise`` to stop at the first failure
        :param usage_tracker: adds up the usage and enforces its limits; created by :meth:`track_usage`
        :param options: further parameters of :meth:`chat_completion`
        :return: an outcome for each conversation, in order: ``item``, and ``value`` or ``error``
        :raises AIEndpointsError: if further requests can't succeed
        """
        with self.boundary():
            yield from self._iter_outcomes(
                conversations, model, concurrency, Failures(on_error), usage_tracker, options
            )

    def _iter_outcomes(
        self,
        conversations: Iterable[Any],
        model: str | None,
        concurrency: Any,
        failures: Failures,
        usage_tracker: UsageTracker | None,
        options: Mapping[str, Any],
    ) -> Iterator[Outcome[Any, dict[str, Any]]]:
        plan = self._plan_chat(model, params=options)
        with self._track_progress("chat", plan.models[0], estimate_total(conversations)) as progress:
            start = self._build_start(plan, usage_tracker)

            def ask(messages: Any) -> dict[str, Any]:
                conversation = start(messages, b"")
                try:
                    answer = conversation.run()
                except AIEndpointsError:
                    progress.add(failed=1)
                    raise
                finally:
                    progress.add_usage(conversation.usage)
                progress.add(done=1)
                if answer.is_cut:
                    progress.add_cut()
                return answer.response

            limit = self.find_concurrency(concurrency, plan.models[0])
            with closing(map_ordered(conversations, ask, limit)) as outcomes:
                for number, outcome in enumerate(outcomes):
                    yield outcome
                    failures.add(1, [RowError(number, outcome.error)] if outcome.error else [])

    def chat_rows(  # noqa: PLR0913  (each is one parameter of the operator)
        self,
        rows: Iterable[Row],
        output: Any = None,
        model: str | None = None,
        *,
        prompt: str | None = None,
        system_prompt: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        images: str | None = None,
        response_format: Any = None,
        repair: bool = True,
        tools: Any = None,
        max_tool_rounds: int = defaults.MAX_TOOL_ROUNDS,
        fallback_models: Sequence[str] | None = None,
        key: str | None = None,
        answer_column: str = ANSWER,
        columns: str = ANSWER,
        extra_columns: Sequence[str] | None = None,
        keep_columns: Sequence[str] | None = None,
        output_format: str = "jsonl",
        part_size: int = 100,
        concurrency: int | str = defaults.CONCURRENCY,
        on_error: str = "fail",
        max_failures: float | None = None,
        if_exists: str = "fail",
        owner: Owner | None = None,
        usage_tracker: UsageTracker | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """
        Ask a language model about each row, and write the answers to a folder. An interrupted run resumes.

        A row is known by what is asked about it. So a later run with other rows asks only about those that are new or
        changed, and a run asks about equal rows once.

        :param rows: any number of rows, read lazily
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``; None to return the answers
        :param model: model id; the connection's chat model unless given
        :param prompt: prompt template with ``{column}`` placeholders for values of the row; default: ``{text}``
        :param system_prompt: template of the system message, with the same placeholders
        :param messages: messages whose texts are templates, in place of ``prompt``
        :param images: column with the path of an image, or a list of up to five paths, for the last user message
        :param response_format: required form of the answers, as for :meth:`conversation`
        :param repair: whether to request invalid output again, once
        :param tools: tools that the model may call, as for :meth:`conversation`
        :param max_tool_rounds: maximum number of rounds of tool calls, 0 for none
        :param fallback_models: models to try in turn if a model is unavailable, deprecated or overloaded
        :param key: column that identifies a row, with what is asked about it: rows with other keys are asked apart
        :param answer_column: column of the answer
        :param columns: ``answer`` for one column, ``flatten`` for a column for each property of ``response_format``
        :param extra_columns: further columns: ``finish_reason``, ``model``, ``reasoning``, ``request_id``, ``usage``
        :param keep_columns: columns of the row to keep; None for all
        :param output_format: ``jsonl`` or ``parquet``
        :param part_size: number of rows in a part; each part is written as soon as it is complete
        :param concurrency: maximum number of concurrent requests, or ``auto`` for as many as the rate limit needs
        :param on_error: ``fail`` raises after all requests have run, ``raise`` at the first failure, ``skip`` never
        :param max_failures: number of failed rows, or their share if below 1, up to which the run goes on; by default,
            it stops if the first 25 rows fail alike
        :param if_exists: ``update`` updates a folder of another run that is over; ``fail`` raises
        :param owner: the run that writes the folder; by default the current task, if there is one
        :param usage_tracker: adds up the usage and enforces its limits; created by :meth:`track_usage`
        :param extra_body: further fields of the request body
        :param options: further parameters of :meth:`chat_completion`
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_reused``, ``rows_duplicate``, ``failed``, ``cut``
            (answers at their token limit), ``model``, ``usage`` ...; without ``output``: ``answers``, ``errors``,
            ``usage``, ``model``, ``rows_duplicate`` and ``cut``
        :raises PartialFailureError: if rows failed; the answers are in the folder, and the next run retries the rest
        :raises AIEndpointsError: if further requests can't succeed; without ``output``, its ``response`` holds the
            answers so far
        """
        with self.boundary():
            failures = Failures(on_error, max_failures)
            ownership: dict[str, Any] = {"owner": owner or read_current_owner(), "if_exists": if_exists}
            chat = self.plan_rows(
                model,
                prompt=prompt,
                system_prompt=system_prompt,
                messages=messages,
                images=images,
                response_format=response_format,
                repair=repair,
                tools=tools,
                max_tool_rounds=max_tool_rounds,
                fallback_models=fallback_models,
                key=key,
                answer_column=answer_column,
                columns=columns,
                extra_columns=extra_columns,
                keep_columns=keep_columns,
                extra_body=extra_body,
                **options,
            )
            start = self._build_start(chat.plan, usage_tracker)
            limit = self.find_concurrency(concurrency, chat.plan.models[0])
            with self._track_progress("chat", chat.plan.models[0], estimate_total(rows)) as progress:
                plan = ChatRows(chat.plan, chat.template, chat.columns, start, progress)
                if output is None:
                    return _ask_in_memory(plan, rows, limit, failures, self.log)
                schema = find_schema(output_format, rows, chat.columns.keep)
                folder = Folder(output, output_format, chat.recipe, schema=schema, **ownership)
                folder.begin()
                with ResumableRun(folder, plan, progress) as run:
                    run.work(rows, integer(part_size, "part_size", 1), limit, failures)
            failures.finish(self.log)
            return folder.finish({**plan.metadata, **progress.summary})

    def plan_rows(
        self,
        model: str | None = None,
        *,
        prompt: Any = None,
        system_prompt: Any = None,
        messages: Any = None,
        images: Any = None,
        key: Any = None,
        answer_column: Any = ANSWER,
        columns: Any = ANSWER,
        extra_columns: Any = None,
        keep_columns: Any = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> RowConversations:
        """
        Validate the parameters of :meth:`chat_rows` that say what to ask and what to record.

        :return: the plan of the conversations, their template, the columns, and the recipe of a folder
        :raises ConfigurationError: if a parameter is invalid
        """
        own = {name: options.pop(name) for name in _CONVERSATION_PARAMS if name in options}
        params = {**options, **(extra_body or {})}
        plan = self._plan_chat(model, params=params, **own)
        names = {"answer_column": answer_column, "extra_columns": extra_columns, "keep_columns": keep_columns}
        answer_columns = build_columns(plan, columns=columns, key=key, **names)
        return RowConversations(
            plan,
            _build_template(prompt, system_prompt, messages, images),
            answer_columns,
            _build_recipe(plan, answer_columns, prompt, system_prompt, messages, images, params),
        )

    def _build_start(self, plan: ChatPlan, usage_tracker: UsageTracker | None) -> Callable[[Any, bytes], Conversation]:
        """
        Build the function that starts one conversation of many.
        """
        self.get_conn()  # once, before each thread creates its own
        ask = self._build_ask(plan, logging.DEBUG)
        tracker = usage_tracker or self.track_usage()
        return lambda messages, _: Conversation(
            ask, messages, plan, usage_tracker=tracker, log=self.log, max_log_level=logging.DEBUG
        )


def _build_template(prompt: Any, system_prompt: Any, messages: Any, images: Any) -> RowTemplate:
    if prompt is None and messages is None:
        prompt = "{text}"
    if images is None:
        return RowTemplate(prompt, system_prompt, messages)
    from ..files.image_inputs import read_images

    column = text(images, "images")

    def add_images(built: Any, row: Mapping[str, Any]) -> Any:
        if column not in row:
            raise ConfigurationError(f"images names the column {column!r}, which the row doesn't have.")
        return with_images(built, read_images(row[column]))

    return RowTemplate(prompt, system_prompt, messages, add_images)


def _build_recipe(
    plan: ChatPlan,
    columns: AnswerColumns,
    prompt: Any,
    system_prompt: Any,
    messages: Any,
    images: Any,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Build the recipe of a folder. Parameters that an older version didn't have are in it only if they are set.
    """
    own = {name: plan.params[name] for name in ("response_format", "tools") if plan.params.get(name) is not None}
    recipe = {
        "prompt": "{text}" if prompt is None and messages is None else prompt,
        "system_prompt": system_prompt,
        "model": plan.models[0],
        "parameters": {**options, **own},
    }
    further = {"messages": messages, "images": images, "fallback_models": list(plan.models[1:]) or None}
    return {**recipe, **{name: value for name, value in further.items() if value is not None}, **columns.recipe}


def _ask_in_memory(plan: ChatRows, rows: Iterable[Row], limit: Any, failures: Failures, log: Any) -> dict[str, Any]:
    plan.has_statuses = True
    answers = AnswerList(plan.result_columns)

    def summarize() -> dict[str, Any]:
        summary = plan.progress.summary
        return {
            "model": plan.model,
            "answers": answers.answers,
            "errors": answers.errors,
            "cut": plan.progress.cut,
            **{name: summary[name] for name in ("rows_duplicate", "usage")},
        }

    try:
        with ResumableRun(answers, plan, plan.progress) as run:
            run.work(rows, _ALL_ROWS, limit, failures)
        failures.finish(log)
    except BaseException as error:
        # Also if Airflow's timeout ends the task.
        error.response = summarize()  # type: ignore[attr-defined]  # any exception may have it
        raise
    return summarize()
