"""
Verbs of the hook that turn texts into vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ... import defaults
from ...client.embeddings.embedder import Embedder
from ...errors import ConfigurationError
from ...rows.folder import Folder
from ...rows.part_names import PART_SIZE
from ...validation import integer, text
from ..airflow_errors import raise_for_airflow
from ..base import BaseAIEndpointsHook
from ..bulk.embedding_run import VECTOR, EmbeddingRun
from ..bulk.long_texts import LongTexts, build_long_texts
from ..bulk.progress import Progress
from ..files.object_path import to_object_path


class EmbeddingMethods(BaseAIEndpointsHook):
    """
    What a hook has for embeddings.
    """

    _embedder: Embedder | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_embedder": None}

    def create_embedding(
        self,
        model: str | None = None,
        input: str | Sequence[str] | None = None,  # noqa: A002  (the API's own name)
        *,
        concurrency: int = defaults.CONCURRENCY,
        on_long_text: str | None = None,
        max_text_tokens: int | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Turn texts into vectors, in as many requests as they need.

        :param model: model id; the connection's embedding model unless given
        :param input: a text, or any number of them
        :param concurrency: requests at a time, 1 to 32
        :param on_long_text: what to do about a text that is longer than the model takes, before anything is sent:
            ``error`` or ``truncate``; None sends it as it is
        :param max_text_tokens: how much that is; the model's context unless given
        :param params: any further parameter of the API, such as ``dimensions``
        :return: the response in OpenAI's format: a vector for each text in the order given, usage summed
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            wanted = self.model_for(model, "embedding_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            if on_long_text == "split":
                raise ConfigurationError("on_long_text='split' makes several vectors of one text: give output_path.")
            long = self._long_texts(on_long_text, max_text_tokens, wanted)
            texts = long.texts(input) if long else input
            value, sent = self._get_embedder().embed(wanted, texts, params, threads)
            self._report("embedding", wanted, sent, value)
            return value

    def embed_rows(
        self,
        rows: Iterable[dict[str, Any]],
        output: Any,
        model: str | None = None,
        *,
        text_column: str = "text",
        output_format: str = "jsonl",
        part_size: int = PART_SIZE,
        concurrency: int = defaults.CONCURRENCY,
        on_long_text: str | None = None,
        max_text_tokens: int | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Embed a column of any number of rows into a folder; a run that was interrupted goes on where it was.

        :param rows: taken as they are needed
        :param output: folder, a ``pathlib.Path`` or Airflow's ``ObjectStoragePath``
        :param model: model id; the connection's embedding model unless given
        :param text_column: what is embedded; the vector goes to the column ``embedding`` beside the row's own
        :param output_format: ``jsonl``, ``parquet`` or ``npy``
        :param part_size: rows in a part, each of which is written at once
        :param concurrency: requests at a time, 1 to 32
        :param on_long_text: what to do about a text that is longer than the model takes, before it is sent: ``error``,
            ``truncate``, or ``split`` into rows of their own, numbered in the column ``chunk_index``; None sends it
            as it is
        :param max_text_tokens: how much that is; the model's context unless given
        :param params: any further parameter of the API, such as ``dimensions``
        :return: the manifest: ``path``, ``parts``, ``rows``, ``rows_reused``, ``model``, ``dimensions``, ``usage`` ...
        :raises AIEndpointsError: the first failure; parts that were written by then stay
        """
        with self.boundary():
            wanted = self.model_for(model, "embedding_model")
            threads = integer(concurrency, "concurrency", 1, defaults.MAX_CONCURRENCY)
            embedder = self._get_embedder()
            recipe = {"embedding": text(text_column, "text_column"), "model": wanted, "parameters": params}
            long = self._long_texts(on_long_text, max_text_tokens, wanted)
            folder = Folder(output, output_format, recipe, vectors=VECTOR)
            folder.begin()
            run = EmbeddingRun(folder, embedder, wanted, text_column, params)
            with Progress(self.log, f"AI Endpoints embedding: model={wanted}") as progress:
                short = long.rows(rows, text_column) if long else rows
                run.work(short, integer(part_size, "part_size", 1), threads, progress)
            if long:
                self.log.info("AI Endpoints embedding: %s", long)
            return run.finish(progress, long.counts if long else {})

    def _long_texts(self, action: Any, limit: Any, model: str) -> LongTexts | None:
        return build_long_texts(action, limit, model, lambda: self._models(self._send))

    @staticmethod
    def read_rows(folder: Any) -> Iterator[dict[str, Any]]:
        """
        Read what :meth:`embed_rows` or :meth:`chat_rows` wrote, of any size: one part is in memory at a time.

        :param folder: the manifest that they returned, or its path
        :return: the rows in their order, each with its columns and ``embedding``, a list of floats, or ``answer``
        :raises ConfigurationError: if there is no finished folder
        :raises InvalidInputError: if it was changed since
        """
        from ...rows import results

        with raise_for_airflow():
            rows = results.read_results(
                to_object_path(folder.get("path") if isinstance(folder, Mapping) else folder, "folder")
            )
        return _raise_lazily(rows)

    def _get_embedder(self) -> Embedder:
        if self._embedder is None:
            self.get_conn()  # before each thread would make its own
            self._embedder = Embedder(self._send, self.settings.client)
        return self._embedder


def _raise_lazily(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with raise_for_airflow():
        yield from rows
