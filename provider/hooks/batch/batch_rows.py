"""
Runs over rows whose requests are answered by batches, not by the service at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...client.chat import chat_request, chat_response
from ...client.chat.conversation_steps import ChatPlan, CompletionResult
from ...client.embeddings import embeddings_request
from ...client.embeddings.vectors import raise_error, read_vectors
from ...client.http.http_request import Request
from ...client.http.http_response import HTTPResponse
from ...client.usage import read_usage
from ...errors import AIEndpointsError
from ...rows.part_names import KEY_BYTES
from ...rows.serialization import Row, canonical, read_text_column, vector
from ..bulk.progress import Progress
from ..bulk.resumable_run import ResumableRun
from ..bulk.row_plan import Question, RowPlan, Work
from .batch_answers import Answers, build_error
from .batch_run import Line, build_line


class UnansweredRequest(Exception):
    """
    No batch has an answer to a request.

    :param line: the line to send
    :param is_first: whether it is the first request about its row, and no repair and no fallback
    """

    def __init__(self, line: Line, *, is_first: bool) -> None:
        super().__init__(line.custom_id)
        self.line = line
        self.is_first = is_first


class BatchLookup:
    """
    Answers requests from the output of batches.

    :param answers: answers of the batches
    :param ignores_failures: whether a failed request counts as unanswered, so that it is sent again
    """

    def __init__(self, answers: Answers, *, ignores_failures: bool = False) -> None:
        self._answers = answers
        self._ignores_failures = ignores_failures
        #: Whether to raise :class:`UnansweredRequest`; otherwise an unanswered request has failed.
        self.lists_unanswered = False

    def send(self, request: Request, key: bytes, *, is_first: bool = True) -> dict[str, Any]:
        """
        Find the answer to a request.

        :param request: the request
        :param key: value of the row's key column, or empty
        :param is_first: whether it is the first request about its row
        :return: body of the response
        :raises UnansweredRequest: if there isn't one
        :raises AIEndpointsError: if the request failed
        """
        line = build_line(json.loads(request.content or b"{}"), key)
        output = self._answers.get(line.custom_id)
        reason = self._answers.explain_failure(output)
        if self.lists_unanswered and (output is None or (reason is not None and self._ignores_failures)):
            raise UnansweredRequest(line, is_first=is_first)
        if reason is not None or output is None:
            raise build_error(output, reason or "")
        body: dict[str, Any] = output["response"]["body"]
        return body

    def build_ask(self, plan: ChatPlan, messages: Any, key: bytes) -> Callable[[Any, Any], CompletionResult]:
        """
        Build the function that answers the requests of a conversation.

        :param plan: plan of the conversation
        :param messages: its first messages
        :param key: value of the row's key column, or empty
        :return: a function of model and messages
        """

        def ask(model: Any, now: Any) -> CompletionResult:
            request = chat_request.chat(model, now, **plan.params)
            is_first = now is messages and model == plan.models[0]
            body = self.send(request, key, is_first=is_first)
            try:
                return CompletionResult(chat_response.check_chat(body, HTTPResponse(200, {}, b""), request, plan))
            except AIEndpointsError as error:
                error.retryable = False  # it was answered, and billed
                raise

        return ask


class BatchEmbeddingRows(RowPlan):
    """
    Reads the vector of each row from batches.

    :param lookup: answers the requests
    :param model: model id
    :param text_column: column of the text to embed
    :param params: further parameters of each request
    :param progress: counts the usage
    """

    def __init__(
        self, lookup: BatchLookup, model: str, text_column: str, params: Mapping[str, Any], progress: Progress
    ) -> None:
        super().__init__(["embedding"])
        self._lookup = lookup
        self._requested_model = model
        self._text_column = text_column
        self._params = params
        self.progress = progress
        self._base = hashlib.sha256(canonical({"model": model, "params": params}, "The request"))

    def build_key(self, row: Row, number: int) -> bytes:
        """
        Build the key of a row: a hash of its text, the model and the parameters.
        """
        content = self._base.copy()
        content.update(read_text_column(row, number, self._text_column).encode("utf-8", "surrogatepass"))
        return content.digest()[:KEY_BYTES]

    def ask(self, work: Work) -> Sequence[Row]:
        """
        Read the vector of a row.
        """
        (question,) = work.questions
        text = read_text_column(question.row, question.number, self._text_column)
        ((_, request),) = embeddings_request.embeddings(self._requested_model, text, **self._params)
        body = self._lookup.send(request, b"")
        self.progress.add_usage(read_usage(body))
        self.model = body.get("model") or self.model
        dimensions = embeddings_request.find_dimensions(self._params)
        name = f"row {question.number}"
        try:
            (numbers,) = read_vectors(
                body, 1, HTTPResponse(200, {}, b""), request, name=lambda _: name, dimensions=dimensions
            )
            return [{"embedding": vector(raise_error(numbers))}]
        except AIEndpointsError as error:
            error.retryable = False  # it was answered, and billed
            raise


def iter_unanswered(
    run: ResumableRun, plan: RowPlan, lookup: BatchLookup, rows: Iterable[Row], part_size: int
) -> Iterator[UnansweredRequest]:
    """
    Iterate over the requests that no batch has answered: the first about each row, a repair, or to a fallback model.

    :param run: the run over the rows
    :param plan: its plan
    :param lookup: answers the requests of the plan
    :param rows: all rows
    :param part_size: number of rows in a part
    :return: the requests; those of rows without a further request are left out
    """
    lookup.lists_unanswered = True
    try:
        for question in run.iter_missing(rows, part_size):
            unanswered = _find_unanswered(plan, question)
            if unanswered:
                yield unanswered
    finally:
        lookup.lists_unanswered = False


def _find_unanswered(plan: RowPlan, question: Question) -> UnansweredRequest | None:
    try:
        plan.ask(Work((question,)))
    except UnansweredRequest as unanswered:
        return unanswered
    except AIEndpointsError:
        return None  # it fails when the results are collected
    return None
