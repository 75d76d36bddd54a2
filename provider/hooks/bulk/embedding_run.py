"""
One run that embeds rows into a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from ...client.embeddings.embedder import Batch, Embedded, Embedder, check_dimensions
from ...client.embeddings.vectors import Vector
from ...client.parallel import as_completed
from ...rows.folder import Folder
from ...rows.serialization import Row, vector
from ..usage import metrics
from .bulk_result import stop_on_fatal
from .progress import Progress
from .work_items import Part, WorkItem, column, iter_work_items

#: The column of the result.
VECTOR = "embedding"


class EmbeddingRun:
    """
    Embeds what is not in the folder yet.

    :param folder: where the parts go; it has begun
    :param embedder: sends the requests
    :param model: model id
    :param text_column: what is embedded
    :param params: further parameters of the requests
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
        Embed and write, part by part.

        :param rows: all rows
        :param part_size: rows in a part
        :param concurrency: requests at a time
        :param progress: counts the rows
        :raises AIEndpointsError: the first failure
        """

        def plan(part: Part[Embedded]) -> list[Batch]:
            texts = column(part, self._text_column, VECTOR)
            if self._folder.has(part.name):
                progress.add_reused(len(part.rows))
                self._look_at(part.name)
                return []
            return self._embedder.batches(self._model, texts, self._params)

        def embed(piece: WorkItem[Batch, Embedded]) -> Embedded:
            embedded = self._embedder.embed_batch(piece.work)
            metrics.count(self._model, embedded.value.get("usage") or {})
            # Written where the last of its vectors came, so that no more than a part for each thread is ever unwritten.
            whole = piece.part.complete(piece.position, embedded)
            if whole:
                self._write(piece.part, whole)
            return embedded

        counted = progress.watch(embed, size=lambda piece: piece.work.count, response=lambda embedded: embedded.value)
        pieces = iter_work_items(self._folder, rows, part_size, plan)
        with closing(as_completed(pieces, counted, concurrency)) as outcomes:
            for _ in stop_on_fatal(outcomes, "raise"):
                pass

    def finish(self, progress: Progress, told: Mapping[str, Any]) -> dict[str, Any]:
        """
        Write the manifest.

        :param progress: that counted
        :param told: what else the manifest shall tell
        :return: the manifest for XCom
        """
        dimensions = len(self._sample) if self._sample else None
        return self._folder.finish({"model": self._served, "dimensions": dimensions, **progress.summary, **told})

    def _look_at(self, name: str) -> None:
        # One part of an earlier try is enough to tell whether the service has changed its mind about dimensions.
        if self._sample is None:
            self._sample = self._folder.read(name)[0][VECTOR]

    def _write(self, part: Part[Embedded], whole: list[Embedded]) -> None:
        vectors = [each for embedded in whole for each in embedded.vectors]
        with self._lock:
            self._sample = self._sample or vectors[0]
            self._served = str(whole[-1].value.get("model") or self._model)
        check_dimensions([self._sample, *vectors])
        records = [{**row, VECTOR: vector(each)} for row, each in zip(part.rows, vectors, strict=True)]
        self._folder.write(part.name, records)
