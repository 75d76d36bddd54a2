"""
One run that embeds rows and writes the vectors to a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from ...client.embeddings.embedder import Batch, EmbeddedBatch, Embedder, check_dimensions
from ...client.embeddings.vectors import Vector
from ...client.parallel import as_completed
from ...rows.folder import Folder
from ...rows.serialization import Row, vector
from ..usage import metrics
from .bulk_result import stop_on_fatal
from .progress import Progress
from .work_items import Part, WorkItem, iter_work_items, read_texts

#: The column of the result.
VECTOR = "embedding"


class EmbeddingRun:
    """
    Embeds the rows without a vector in the folder.

    :param folder: folder of the results, after :meth:`Folder.begin`
    :param embedder: sends the requests
    :param model: model id
    :param text_column: column of the text to embed
    :param params: further parameters of each request
    """

    def __init__(
        self, folder: Folder, embedder: Embedder, model: str, text_column: str, params: Mapping[str, Any]
    ) -> None:
        self._folder = folder
        self._embedder = embedder
        self._model = model
        self._text_column = text_column
        self._params = params
        self._lock = threading.Lock()
        #: A vector of this run, and the model as the service names it.
        self._sample: Vector | None = None
        self._served = model

    def work(self, rows: Iterable[Row], part_size: int, concurrency: int, progress: Progress) -> None:
        """
        Embed the rows and write the vectors, part by part.

        :param rows: all rows
        :param part_size: number of rows in a part
        :param concurrency: number of concurrent requests
        :param progress: counts the rows
        :raises AIEndpointsError: the first failure
        """

        def plan(part: Part[EmbeddedBatch]) -> list[Batch]:
            texts = read_texts(part, self._text_column, VECTOR)
            if self._folder.has(part.name):
                progress.add_reused(len(part.rows))
                self._read_sample(part.name)
                return []
            return self._embedder.batches(self._model, texts, self._params)

        def embed(item: WorkItem[Batch, EmbeddedBatch]) -> EmbeddedBatch:
            embedded = self._embedder.embed_batch(item.work)
            metrics.count(self._model, embedded.value.get("usage") or {})
            # Write each part as soon as it is complete: at most one part for each thread is lost if the task is killed.
            results = item.part.complete(item.position, embedded)
            if results:
                self._write(item.part, results)
            return embedded

        counted = progress.watch(embed, size=lambda item: item.work.count, response=lambda embedded: embedded.value)
        items = iter_work_items(self._folder, rows, part_size, plan)
        with closing(as_completed(items, counted, concurrency)) as outcomes:
            for _ in stop_on_fatal(outcomes, "raise"):
                pass

    def finish(self, progress: Progress, extra: Mapping[str, Any]) -> dict[str, Any]:
        """
        Write the manifest.

        :param progress: counts of this run
        :param extra: further fields of the manifest
        :return: the manifest for XCom
        """
        dimensions = len(self._sample) if self._sample else None
        return self._folder.finish({"model": self._served, "dimensions": dimensions, **progress.summary, **extra})

    def _read_sample(self, name: str) -> None:
        # One part of an earlier try is enough to notice if the service now returns other dimensions.
        if self._sample is None:
            self._sample = self._folder.read(name)[0][VECTOR]

    def _write(self, part: Part[EmbeddedBatch], results: list[EmbeddedBatch]) -> None:
        vectors = [each for embedded in results for each in embedded.vectors]
        with self._lock:
            self._sample = self._sample or vectors[0]
            self._served = str(results[-1].value.get("model") or self._model)
        check_dimensions([self._sample, *vectors])
        records = [{**row, VECTOR: vector(each)} for row, each in zip(part.rows, vectors, strict=True)]
        self._folder.write(part.name, records)
