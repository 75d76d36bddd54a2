"""
A run that embeds a column of each row.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...client.embeddings.embedder import Batch, Embedder, check_dimensions
from ...client.embeddings.vectors import Vector
from ...client.usage import read_usage
from ...errors import AIEndpointsError
from ...rows.part_names import KEY_BYTES
from ...rows.serialization import Row, canonical, read_text_column, vector
from ..usage import metrics
from .progress import Progress
from .row_plan import Question, RowPlan, Work

#: The column of the result.
VECTOR = "embedding"

#: Words with which a server fails the whole request because of one vector, such as ``json: unsupported value: NaN``.
_NAN = re.compile(r"\bNaN\b", re.IGNORECASE)


class EmbeddingRows(RowPlan):
    """
    Embeds the text of each row, in requests of several texts.

    :param embedder: sends the requests
    :param model: model id
    :param text_column: column of the text to embed
    :param params: further parameters of each request
    :param progress: counts the usage
    :param has_errors: whether a record may have an error in place of a vector
    """

    def __init__(
        self,
        embedder: Embedder,
        model: str,
        text_column: str,
        params: Mapping[str, Any],
        progress: Progress,
        *,
        has_errors: bool,
    ) -> None:
        super().__init__([VECTOR], has_errors=has_errors)
        self._embedder = embedder
        self._text_column = text_column
        self._params = params
        self._progress = progress
        self._base = hashlib.sha256(canonical({"model": model, "params": params}, "The request"))
        self._requested_model = model
        self._lock = threading.Lock()
        #: A vector, and the model as the service names it.
        self._sample: Vector | None = None
        self.model = model

    @property
    def dimensions(self) -> int | None:
        """
        The number of dimensions of the vectors, or None before the first.
        """
        return None if self._sample is None else len(self._sample)

    @property
    def metadata(self) -> dict[str, Any]:
        """
        The model, and the number of dimensions.
        """
        return {**super().metadata, "dimensions": self.dimensions}

    def build_key(self, row: Row, number: int) -> bytes:
        """
        Build the key of a row: a hash of its text, the model and the parameters.
        """
        content = self._base.copy()
        content.update(self._read_text(row, number).encode("utf-8", "surrogatepass"))
        return content.digest()[:KEY_BYTES]

    def group(self, questions: Sequence[Question]) -> Iterator[Work]:
        """
        Divide texts into requests that the service accepts.
        """
        if not questions:
            return
        texts = [self._read_text(question.row, question.number) for question in questions]
        start = 0
        for batch in self._embedder.batches(self._requested_model, texts, self._params):
            yield Work(questions[start : start + batch.count], batch)
            start += batch.count

    def ask(self, work: Work) -> Sequence[Row | AIEndpointsError]:
        """
        Embed the texts of one request.
        """
        batch: Batch = work.content
        embedded = self._embedder.embed_batch(batch, lambda place: f"row {work.questions[place].number}")
        usage = read_usage(embedded.value)
        metrics.count(self._requested_model, usage)
        self._progress.add_usage(usage)
        vectors = [each for each in embedded.vectors if not isinstance(each, AIEndpointsError)]
        with self._lock:
            self._sample = self._sample or next(iter(vectors), None)
            self.model = str(embedded.value.get("model") or self._requested_model)
        check_dimensions(vectors if self._sample is None else [self._sample, *vectors])
        return [each if isinstance(each, AIEndpointsError) else {VECTOR: vector(each)} for each in embedded.vectors]

    def is_about_one_row(self, error: AIEndpointsError) -> bool:
        """
        Return whether an error may be about one text of many: a bad request, or a vector that the service can't write.
        """
        return super().is_about_one_row(error) or (error.status == 500 and _NAN.search(str(error)) is not None)

    def see_old(self, record: Row) -> None:
        """
        Keep a vector of an earlier run, to notice if the service now returns other dimensions.
        """
        with self._lock:
            self._sample = self._sample or record[VECTOR]

    def _read_text(self, row: Row, number: int) -> str:
        return read_text_column(row, number, self._text_column)
