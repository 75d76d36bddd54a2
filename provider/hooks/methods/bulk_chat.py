"""
Verbs of the hook that ask many things in one task.
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
    What a hook has for many prompts.
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
        Ask a language model many things, a few at a time.

        :param conversations: each a list of messages, as :meth:`chat_completion` takes it
        :param model: model id; the connection's chat model unless given
        :param concurrency: how many at a time, 1 to 32
        :param on_error: ``fail`` raises after all have run, ``skip`` does not, ``raise`` does at the first failure
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: ``responses`` in the order asked, with None for one that failed; ``errors``, each with ``index``,
            ``error`` and ``status``; ``usage``, summed
        :raises PartialFailureError: if some failed; ``response`` is what this would have returned
        :raises AIEndpointsError: if going on makes no sense, a refused token for one; ``response`` likewise
        """
        found = bulk_result.BulkResult()
        with self.boundary():
            try:
                for outcome in self.each_chat_completion(
                    conversations, model, concurrency=concurrency, on_error=on_error, **options
                ):
                    found.add(outcome)
                if on_error == "fail":
                    found.check()
            except AIEndpointsError as error:
                error.response = found.as_response()
                raise
            return found.as_response()

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
        Ask a language model any number of things, a few at a time, and give each answer as soon as its turn comes.

        :param conversations: each a list of messages; taken as they are needed
        :param model: model id; the connection's chat model unless given
        :param concurrency: how many at a time, 1 to 32
        :param on_error: ``raise`` ends at the first failure
        :param usage_tracker: notes what is used, and ends it at its limit; from :meth:`track_usage`
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: an outcome for each, in their order: ``item``, and ``value`` or ``error``
        :raises AIEndpointsError: if going on makes no sense
        """
        with self.boundary():
            bulk_result.check_on_error(on_error)
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            wanted = self.model_for(model, "chat_model")
            total = len(conversations) if isinstance(conversations, Sized) else None
            self.get_conn()  # before each thread would make its own

            ask = self._asking_for(wanted, options, usage_tracker)
            with (
                Progress(self.log, f"AI Endpoints chat: model={wanted}", total) as progress,
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
        Ask about any number of rows and write the answers into a folder; an interrupted run goes on where it was.

        :param rows: taken as they are needed
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``
        :param model: model id; the connection's chat model unless given
        :param prompt: what to ask about each row, with ``{column}`` where a value of the row belongs; the answer goes
            to the column ``answer`` beside the row's own, the reason why there is none to the column ``error``
        :param system_prompt: what the model is told first, likewise
        :param output_format: ``jsonl`` or ``parquet``
        :param part_size: rows in a part, each of which is written at once
        :param concurrency: requests at a time, 1 to 32
        :param on_error: ``fail`` raises after all have run, ``skip`` does not, ``raise`` does at the first failure
        :param usage_tracker: notes what is used, and ends it at its limit; from :meth:`track_usage`
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_reused``, ``failed``, ``model``, ``usage`` ...
        :raises PartialFailureError: if some failed; the answers are in the folder, and the next run asks for the rest
        :raises AIEndpointsError: if going on makes no sense
        """
        with self.boundary():
            bulk_result.check_on_error(on_error)
            wanted = self.model_for(model, "chat_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            recipe = {"prompt": text(prompt, "prompt"), "system_prompt": system_prompt, "model": wanted}
            folder = Folder(output, output_format, {**recipe, "parameters": options})
            folder.begin()
            self.get_conn()  # before each thread would make its own

            ask = self._asking_for(wanted, options, usage_tracker)
            run = ChatRun(folder, ask, prompt, system_prompt)
            with Progress(self.log, f"AI Endpoints chat: model={wanted}") as progress:
                run.work(rows, integer(part_size, "part_size", 1), threads, on_error, progress)
            return run.finish(progress)

    def _asking_for(
        self, model: str, options: dict[str, Any], usage_tracker: UsageTracker | None
    ) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]:
        noted = usage_tracker or self.track_usage()

        def ask(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            request = chat_request.chat(model, messages, **options)
            noted.check(model)
            try:
                response = self._ask(request, logging.DEBUG)
            except AIEndpointsError as error:
                if error.response:  # cut before its first word, and paid for
                    noted.add(error.response, model)
                raise
            noted.add(response, model)
            return response

        return ask
