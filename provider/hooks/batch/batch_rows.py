"""
Conversion of rows to batch requests, and of answers back to rows in their order.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...client.chat import chat_request
from ...client.chat.chat_response import read_text
from ...client.chat.prompt_template import build_conversation
from ...client.embeddings import embeddings_request
from ...client.embeddings.vectors import decode_vector
from ...client.http.http_request import Request
from ...client.usage import sum_usage
from ...errors import AIEndpointsError, ConfigurationError, InvalidInputError, InvalidResponseError, PartialFailureError
from ...rows.folder import Folder
from ...rows.part_names import ERROR, failed, split
from ...rows.serialization import Row, Vector, read_text_column, vector
from ...validation import text
from .batch_answers import Answers, is_retryable
from .batch_run import Line, build_line


class BatchRows:
    """
    Builds the request for each row, and reads the result from its answer.

    :param request: builds the request for a row; its second argument, the row's number, is for errors
    :param result: reads the result from the body of an answer
    :param column: column of the result; errors go to the column ``error``
    """

    def __init__(
        self, request: Callable[[Row, int], Request], result: Callable[[Mapping[str, Any]], Any], column: str
    ) -> None:
        self._request = request
        self._result = result
        self._column = column
        self._counts: Counter[str] = Counter()
        self._served: str | None = None
        self._first_failure: str | None = None
        self._retryable = False

    def lines(self, rows: Iterable[Row]) -> Iterator[Line]:
        """
        Build the requests for all rows.

        :param rows: any number of rows, read lazily
        :return: a line for each row
        """
        return (self._line(row, number) for number, row in enumerate(rows))

    def missing(self, rows: Iterable[Row], folder: Folder, part_size: int) -> Iterator[Line]:
        """
        Build the requests for the rows without a result in a folder.

        :param rows: all rows
        :param folder: folder of the results, after :meth:`Folder.begin`
        :param part_size: number of rows in a part
        :return: a line for each of these rows
        """
        for index, part in split(rows, part_size):
            positions = _list_missing(folder, folder.build_name(index, part), len(part))
            yield from (self._line(part[position], index * part_size + position) for position in positions)

    def write(self, rows: Iterable[Row], folder: Folder, part_size: int, answers: Answers) -> dict[str, Any]:
        """
        Write the missing results to a folder.

        :param rows: the same rows
        :param folder: folder of the results
        :param part_size: number of rows in a part
        :param answers: answers of the batches
        :return: fields for the manifest: ``model``, ``rows_reused`` and ``usage``
        """
        for index, part in split(rows, part_size):
            name = folder.build_name(index, part)
            positions = _list_missing(folder, name, len(part))
            if positions:
                records = folder.read(name) if folder.has(name) else [{} for _ in part]
                for position in positions:
                    records[position] = self._record(part[position], index * part_size + position, answers)
                folder.write(name, records)
            self._counts["reused"] += len(part) - len(positions)
        return {"model": self._served, "rows_reused": self._counts["reused"], "usage": self.usage}

    def collect(self, rows: Iterable[Row], answers: Answers) -> Iterator[Row]:
        """
        Add its result to each row.

        :param rows: the same rows
        :param answers: answers of the batches
        :return: the rows, each with the columns of the result and of the error
        """
        return (self._record(row, number, answers) for number, row in enumerate(rows))

    @property
    def usage(self) -> dict[str, int]:
        """
        Token counts of all answers so far.
        """
        return {name: count for name, count in self._counts.items() if name.endswith("_tokens")}

    @property
    def model(self) -> str | None:
        """
        The model id in the answers, or None before the first answer.
        """
        return self._served

    def check(self) -> None:
        """
        Raise if rows failed.

        :raises PartialFailureError: with the first failure; retryable only if a retry may help a failed row
        """
        if self._counts["failed"]:
            raise PartialFailureError(
                f"{self._counts['failed']:,} rows failed; the first one: {self._first_failure}",
                retryable=self._retryable,
            )

    def _line(self, row: Row, number: int) -> Line:
        for name in (self._column, ERROR):
            if name in row:
                raise InvalidInputError(f"Row {number} has a column {name!r} already, which the result needs.")
        content = self._request(row, number).content or b"{}"
        return build_line(number, json.loads(content))

    def _record(self, row: Row, number: int, answers: Answers) -> Row:
        line = answers.get(self._line(row, number).custom_id)
        reason, result = answers.explain_failure(line), None
        if line is not None and reason is None:
            body = line["response"]["body"]
            self._counts.update(sum_usage([body]))
            self._served = body.get("model") or self._served
            try:
                result = self._result(body)
            except (AIEndpointsError, AttributeError, KeyError, IndexError, TypeError, OverflowError) as error:
                reason = str(error) if isinstance(error, AIEndpointsError) else "The answer is not of the usual shape."
        if reason is not None:
            self._counts["failed"] += 1
            self._retryable = self._retryable or is_retryable(line)
            self._first_failure = self._first_failure or f"row {number}: {reason}"
        return {**row, self._column: result, ERROR: reason}


def _list_missing(folder: Folder, name: str, count: int) -> list[int]:
    return failed(folder.read(name)) if folder.has(name) else list(range(count))


def chat(model: Any, prompt: Any, system_prompt: Any, options: Mapping[str, Any]) -> BatchRows:
    """
    Create the conversion for chat requests, whose results go to the column ``answer``.

    :param model: model id
    :param prompt: prompt template with ``{column}`` placeholders
    :param system_prompt: template of the system message, or None for no such message
    :param options: further parameters of each request
    :return: the conversion
    """
    template = text(prompt, "prompt")

    def request(row: Row, number: int) -> Request:
        try:
            return chat_request.chat(model, build_conversation(row, template, system_prompt), **options)
        except ConfigurationError as error:
            reason = error.args[0]
        raise InvalidInputError(f"Row {number}: {reason}")

    return BatchRows(request, read_text, "answer")


def embedding(model: Any, column: Any, options: Mapping[str, Any]) -> BatchRows:
    """
    Create the conversion for embeddings requests, whose results go to the column ``embedding``.

    :param model: model id
    :param column: column of the text to embed
    :param options: further parameters of each request
    :return: the conversion
    """
    name = text(column, "text_column")

    def request(row: Row, number: int) -> Request:
        ((_, only_request),) = embeddings_request.embeddings(model, read_text_column(row, number, name), **options)
        return only_request

    def result(body: Mapping[str, Any]) -> Vector:
        numbers = decode_vector(body["data"][0]["embedding"])
        if not numbers:
            raise InvalidResponseError("The answer holds no vector of finite numbers.")
        return vector(numbers)

    return BatchRows(request, result, "embedding")
