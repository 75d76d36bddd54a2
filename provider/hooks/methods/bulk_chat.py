"""
Methods of the hook for many prompts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing
from typing import Any

from ... import defaults
from ...client.chat import chat_request
from ...client.parallel import Outcome, map_ordered
from ...errors import AIEndpointsError
from ...rows.folder import Folder
from ...validation import integer, text
from ..bulk import bulk_result
from ..bulk.chat_run import ChatRun
from ..bulk.progress import Progress
from ..usage.usage_tracker import UsageTracker
from .chat import ChatMethods


class BulkChatMethods(ChatMethods):
    """
    Methods for many prompts.
    """

    def chat_completions(
        self,
        conversations: Iterable[Sequence[Mapping[str, Any]]],
        model: str | None = None,
        *,
        concurrency: int = defaults.CONCURRENCY,
        on_error: str = "fail",
        **options: Any,
    ) -> dict[str, Any]:
        """
        Send many conversations to a language model concurrently.

        :param conversations: lists of messages, as :meth:`chat_completion` takes them
        :param model: model id; the connection's chat model unless given
        :param concurrency: number of concurrent requests, 1 to 32
        :param on_error: ``fail`` raises after all requests have run, ``raise`` at the first failure, ``skip`` never
        :param options: further parameters of :meth:`chat_completion`
        :return: ``responses`` in the order of the conversations, with None for a failed request; ``errors``, each with
            ``index``, ``error`` and ``status``; ``usage``, summed
        :raises PartialFailureError: if some requests failed; its ``response`` holds the return value
        :raises AIEndpointsError: if further requests can't succeed, for example without a valid token; its
            ``response`` holds the return value, too
        """
        result = bulk_result.BulkResult()
        with self.boundary():
            try:
                for outcome in self.each_chat_completion(
                    conversations, model, concurrency=concurrency, on_error=on_error, **options
                ):
                    result.add(outcome)
                if on_error == "fail":
                    result.check()
            except AIEndpointsError as error:
                error.response = result.as_response()
                raise
            return result.as_response()

    def each_chat_completion(
        self,
        conversations: Iterable[Sequence[Mapping[str, Any]]],
        model: str | None = None,
        *,
        concurrency: int = defaults.CONCURRENCY,
        on_error: str = "skip",
        usage_tracker: UsageTracker | None = None,
        **options: Any,
    ) -> Iterator[Outcome[Sequence[Mapping[str, Any]], dict[str, Any]]]:
        """
        Send any number of conversations to a language model concurrently, and iterate over the outcomes.

        :param conversations: lists of messages, read lazily
        :param model: model id; the connection's chat model unless given
        :param concurrency: number of concurrent requests, 1 to 32
        :param on_error: ``raise`` to stop at the first failure
        :param usage_tracker: adds up the usage and enforces its limits; created by :meth:`track_usage`
        :param options: further parameters of :meth:`chat_completion`
        :return: an outcome for each conversation, in order: ``item``, and ``value`` or ``error``
        :raises AIEndpointsError: if further requests can't succeed
        """
        with self.boundary():
            bulk_result.check_on_error(on_error)
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            model_id = self.choose_model(model, "chat_model")
            total = len(conversations) if isinstance(conversations, Sized) else None
            self.get_conn()  # once, before each thread creates its own

            ask = self._build_ask(model_id, options, usage_tracker)
            with (
                Progress(self.log, f"AI Endpoints chat: model={model_id}", total) as progress,
                closing(map_ordered(conversations, progress.watch(ask), threads)) as outcomes,
            ):
                yield from bulk_result.stop_on_fatal(outcomes, on_error)

    def chat_rows(
        self,
        rows: Iterable[dict[str, Any]],
        output: Any,
        model: str | None = None,
        *,
        prompt: str = "{text}",
        system_prompt: str | None = None,
        output_format: str = "jsonl",
        part_size: int = 100,
        concurrency: int = defaults.CONCURRENCY,
        on_error: str = "fail",
        usage_tracker: UsageTracker | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """
        Send a prompt for each row and write the answers to a folder. An interrupted run resumes where it stopped.

        The answer goes to the column ``answer``, the message of an error to the column ``error``.

        :param rows: any number of rows, read lazily
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``
        :param model: model id; the connection's chat model unless given
        :param prompt: prompt template with ``{column}`` placeholders for values of the row
        :param system_prompt: template of the system message, with the same placeholders
        :param output_format: ``jsonl`` or ``parquet``
        :param part_size: number of rows in a part; each part is written as soon as it is complete
        :param concurrency: number of concurrent requests, 1 to 32
        :param on_error: ``fail`` raises after all requests have run, ``raise`` at the first failure, ``skip`` never
        :param usage_tracker: adds up the usage and enforces its limits; created by :meth:`track_usage`
        :param options: further parameters of :meth:`chat_completion`
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_reused``, ``failed``, ``model``, ``usage`` ...
        :raises PartialFailureError: if rows failed; the answers are in the folder, and the next run retries the rest
        :raises AIEndpointsError: if further requests can't succeed
        """
        with self.boundary():
            bulk_result.check_on_error(on_error)
            model_id = self.choose_model(model, "chat_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            recipe = {"prompt": text(prompt, "prompt"), "system_prompt": system_prompt, "model": model_id}
            folder = Folder(output, output_format, {**recipe, "parameters": options})
            folder.begin()
            self.get_conn()  # once, before each thread creates its own

            ask = self._build_ask(model_id, options, usage_tracker)
            run = ChatRun(folder, ask, prompt, system_prompt)
            with Progress(self.log, f"AI Endpoints chat: model={model_id}") as progress:
                run.work(rows, integer(part_size, "part_size", 1), threads, on_error, progress)
            return run.finish(progress)

    def _build_ask(
        self, model: str, options: dict[str, Any], usage_tracker: UsageTracker | None
    ) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]:
        tracker = usage_tracker or self.track_usage()

        def ask(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            request = chat_request.chat(model, messages, **options)
            tracker.check(model)
            try:
                response = self._ask(request, logging.DEBUG)
            except AIEndpointsError as error:
                if error.response:  # cut before its first word, but billed
                    tracker.add(error.response, model)
                raise
            tracker.add(response, model)
            return response

        return ask
