"""
Methods of the hook for embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ... import defaults
from ...client.embeddings.embedder import Embedder
from ...errors import ConfigurationError
from ...rows.folder import Folder
from ...rows.formats import find_schema
from ...rows.part_names import PART_SIZE
from ...rows.run_file import Owner
from ...validation import integer, text
from ..airflow_errors import raise_for_airflow
from ..base import BaseAIEndpointsHook
from ..bulk.embedding_rows import VECTOR, EmbeddingRows
from ..bulk.failures import Failures
from ..bulk.long_texts import LongTexts, build_long_texts
from ..bulk.progress import estimate_total
from ..bulk.resumable_run import ResumableRun
from ..files.object_path import to_object_path
from ..files.owner import read_current_owner


class EmbeddingMethods(BaseAIEndpointsHook):
    """
    Methods for embeddings.
    """

    _embedder: Embedder | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_embedder": None}

    def create_embedding(
        self,
        model: str | None = None,
        input: str | Sequence[str] | None = None,  # noqa: A002  (the API's own name)
        *,
        concurrency: int | str = defaults.CONCURRENCY,
        on_long_text: str | None = None,
        max_text_tokens: int | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Embed texts, in as many requests as they need.

        :param model: model id; the connection's embedding model unless given
        :param input: a string, or any number of strings
        :param concurrency: maximum number of concurrent requests, or ``auto`` for as many as the rate limit needs
        :param on_long_text: what to do with texts longer than ``max_text_tokens``: ``error`` or ``truncate``; None
            sends them unchanged
        :param max_text_tokens: maximum number of tokens in each text; the model's context length unless given
        :param params: further parameters of the API, such as ``dimensions``
        :return: the response in OpenAI's format: a vector for each text, in order, and usage, summed
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            model_id = self.choose_model(model, "embedding_model")
            limit = self.find_concurrency(concurrency, model_id)
            if on_long_text == "split":
                raise ConfigurationError("on_long_text='split' makes several vectors of one text: give output_path.")
            long = self._long_texts(on_long_text, max_text_tokens, model_id)
            texts = long.texts(input) if long else input
            value, responses = self._get_embedder().embed(model_id, texts, params, limit)
            self._report("embedding", model_id, responses, value)
            return value

    def embed_rows(  # noqa: PLR0913  (each is one parameter of the operator)
        self,
        rows: Iterable[dict[str, Any]],
        output: Any,
        model: str | None = None,
        *,
        text_column: str = "text",
        output_format: str = "jsonl",
        part_size: int = PART_SIZE,
        concurrency: int | str = defaults.CONCURRENCY,
        on_error: str = "raise",
        max_failures: float | None = None,
        if_exists: str = "fail",
        owner: Owner | None = None,
        on_long_text: str | None = None,
        max_text_tokens: int | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Embed a column of any number of rows and write the vectors to a folder.

        An interrupted run resumes where it stopped. The vector goes to the column ``embedding``.

        :param rows: any number of rows, read lazily
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``
        :param model: model id; the connection's embedding model unless given
        :param text_column: column of the text to embed
        :param output_format: ``jsonl``, ``parquet`` or ``npy``
        :param part_size: number of rows in a part; each part is written as soon as it is complete
        :param concurrency: maximum number of concurrent requests, or ``auto`` for as many as the rate limit needs
        :param on_error: ``raise`` raises at the first failure, ``fail`` after all requests have run, ``skip`` never.
            The last two add the column ``error``
        :param max_failures: number of failed rows, or their share if below 1, up to which the run goes on
        :param if_exists: ``update`` updates a folder of another run that is over; ``fail`` raises
        :param owner: the run that writes the folder; by default the current task, if there is one
        :param on_long_text: what to do with texts longer than ``max_text_tokens``: ``error``, ``truncate``, or
            ``split`` into a row for each chunk, numbered in the column ``chunk_index``; None sends them unchanged
        :param max_text_tokens: maximum number of tokens in each text; the model's context length unless given
        :param params: further parameters of the API, such as ``dimensions``
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_reused``, ``model``, ``dimensions``, ``usage`` ...
        :raises AIEndpointsError: the first failure; the parts written up to then are kept
        """
        with self.boundary():
            model_id = self.choose_model(model, "embedding_model")
            limit = self.find_concurrency(concurrency, model_id)
            embedder = self._get_embedder()
            total = None if on_long_text == "split" else estimate_total(rows)
            recipe = {"embedding": text(text_column, "text_column"), "model": model_id, "parameters": params}
            long = self._long_texts(on_long_text, max_text_tokens, model_id)
            failures = Failures(on_error, max_failures)
            ownership: dict[str, Any] = {"owner": owner or read_current_owner(), "if_exists": if_exists}
            has_errors = on_error != "raise"
            if has_errors and output_format == "npy":
                raise ConfigurationError(
                    "npy has no place for the error of a row. Use jsonl or parquet, or on_error='raise'."
                )
            schema = find_schema(output_format, rows)
            folder = Folder(output, output_format, recipe, vectors=VECTOR, schema=schema, **ownership)
            folder.begin()
            with self._track_progress("embedding", model_id, total) as progress:
                plan = EmbeddingRows(embedder, model_id, text_column, params, progress, has_errors=has_errors)
                short = long.rows(rows, text_column) if long else rows
                with ResumableRun(folder, plan, progress) as run:
                    run.work(short, integer(part_size, "part_size", 1), limit, failures)
            if long:
                self.log.info("AI Endpoints embedding: %s", long)
            failures.finish(self.log)
            return folder.finish({**plan.metadata, **progress.summary, **(long.counts if long else {})})

    def _long_texts(self, action: Any, limit: Any, model: str) -> LongTexts | None:
        return build_long_texts(action, limit, model, lambda: self._models(self._send))

    @staticmethod
    def read_rows(folder: Any) -> Iterator[dict[str, Any]]:
        """
        Iterate over the results of :meth:`embed_rows` or :meth:`chat_rows`, with one part in memory at a time.

        :param folder: the returned manifest, or the path of the folder
        :return: the rows in order, each with its columns and ``embedding``, a list of floats, or ``answer``
        :raises ConfigurationError: if the folder doesn't exist or its run hasn't finished
        :raises InvalidInputError: if its files have changed since
        """
        from ...rows import results

        with raise_for_airflow():
            manifest = folder if isinstance(folder, Mapping) else {"path": folder}
            rows = results.read_results(to_object_path(manifest.get("path"), "folder"), manifest.get("digest"))
        return _raise_lazily(rows)

    def _get_embedder(self) -> Embedder:
        if self._embedder is None:
            self.get_conn()  # once, before each thread creates its own
            self._embedder = Embedder(self._send, self.settings.client)
        return self._embedder


def _raise_lazily(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with raise_for_airflow():
        yield from rows
