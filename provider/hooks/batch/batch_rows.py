"""
Rows to the lines of batches, and the answers back to rows, in their order.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...client.chat import chat_request
from ...client.chat.chat_response import read_text
from ...client.chat.prompt_template import conversation
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
from .batch_run import Line, line_for


class BatchRows:
    """
    What is asked about each row, and what is made of the answer.

    :param request: makes the request about a row; the number of the row is for its errors
    :param result: takes the result out of the body of an answer
    :param column: the column of the result, beside that of the error
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
        Ask about all rows.

        :param rows: any number
        :return: a line for each
        """
        return (self._line(row, number) for number, row in enumerate(rows))

    def missing(self, rows: Iterable[Row], folder: Folder, part_size: int) -> Iterator[Line]:
        """
        Ask about the rows that have no result in a folder.

        :param rows: all rows
        :param folder: where results go; it has begun
        :param part_size: rows in a part
        :return: a line for each of them
        """
        for index, some in split(rows, part_size):
            wanted = _list_missing(folder, folder.build_name(index, some), len(some))
            yield from (self._line(some[position], index * part_size + position) for position in wanted)

    def write(self, rows: Iterable[Row], folder: Folder, part_size: int, answers: Answers) -> dict[str, Any]:
        """
        Write the results that were missing, and the manifest unless rows failed.

        :param rows: the same rows
        :param folder: where results go
        :param part_size: rows in a part
        :param answers: what the batches answered
        :return: what the manifest tells beside the folder's own
        """
        for index, some in split(rows, part_size):
            name = folder.build_name(index, some)
            wanted = _list_missing(folder, name, len(some))
            if wanted:
                records = folder.read(name) if folder.has(name) else [{} for _ in some]
                for position in wanted:
                    records[position] = self._record(some[position], index * part_size + position, answers)
                folder.write(name, records)
            self._counts["reused"] += len(some) - len(wanted)
        return {"model": self._served, "rows_reused": self._counts["reused"], "usage": self.usage}

    def collect(self, rows: Iterable[Row], answers: Answers) -> Iterator[Row]:
        """
        Put each row beside its result.

        :param rows: the same rows
        :param answers: what the batches answered
        :return: the rows, each with the columns of result and error
        """
        return (self._record(row, number, answers) for number, row in enumerate(rows))

    @property
    def usage(self) -> dict[str, int]:
        """
        Tokens of all answers that were read.
        """
        return {name: count for name, count in self._counts.items() if name.endswith("_tokens")}

    @property
    def model(self) -> str | None:
        """
        The model, as the service names it.
        """
        return self._served

    def check(self) -> None:
        """
        Raise if rows failed.

        :raises PartialFailureError: naming the first; a retry takes up to a day, so there is one only where it may help
        """
        if self._counts["failed"]:
            raise PartialFailureError(
                f"{self._counts['failed']:,} rows failed; the first one: {self._first_failure}",
                retryable=self._retryable,
            )

    def _line(self, row: Row, number: int) -> Line:
        for taken in (self._column, ERROR):
            if taken in row:
                raise InvalidInputError(f"Row {number} has a column {taken!r} already, which the result needs.")
        content = self._request(row, number).content or b"{}"
        return line_for(number, json.loads(content))

    def _record(self, row: Row, number: int, answers: Answers) -> Row:
        line = answers.get(self._line(row, number).custom_id)
        reason, result = answers.why(line), None
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
    Ask a language model about rows.

    :param model: model id
    :param prompt: what to ask about each row, with ``{column}`` where a value belongs
    :param system_prompt: what the model is told first, likewise
    :param options: further parameters of each request
    :return: what is asked, whose results go to the column ``answer``
    """
    asked = text(prompt, "prompt")

    def request(row: Row, number: int) -> Request:
        try:
            return chat_request.chat(model, conversation(row, asked, system_prompt), **options)
        except ConfigurationError as error:
            reason = error.args[0]
        raise InvalidInputError(f"Row {number}: {reason}")

    return BatchRows(request, read_text, "answer")


def embedding(model: Any, column: Any, options: Mapping[str, Any]) -> BatchRows:
    """
    Embed a column of rows.

    :param model: model id
    :param column: where the text of a row is
    :param options: further parameters of each request
    :return: what is asked, whose results go to the column ``embedding``
    """
    name = text(column, "text_column")

    def request(row: Row, number: int) -> Request:
        ((_, made),) = embeddings_request.embeddings(model, read_text_column(row, number, name), **options)
        return made

    def result(body: Mapping[str, Any]) -> Vector:
        numbers = decode_vector(body["data"][0]["embedding"])
        if not numbers:
            raise InvalidResponseError("The answer holds no vector of finite numbers.")
        return vector(numbers)

    return BatchRows(request, result, "embedding")
