"""
A run that asks a language model about each row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...client.chat.conversation_steps import ChatPlan
from ...client.chat.prompt_template import RowTemplate
from ...client.chat.structured_output import to_jsonable
from ...errors import ConfigurationError, InvalidInputError
from ...rows.part_names import ERROR, KEY_BYTES
from ...rows.serialization import Row, canonical
from ...validation import quote, text
from ..chat.conversation import ChatAnswer, Conversation
from .progress import Progress
from .row_plan import RowPlan, Work

#: Default column of the answer.
ANSWER = "answer"

#: Where the fields of a structured answer go: all to the answer's column, or each to a column of its own.
COLUMNS = ("answer", "flatten")

#: Columns that a record may have beside the answer.
EXTRA_COLUMNS: Mapping[str, Callable[[ChatAnswer, Conversation], Any]] = {
    "finish_reason": lambda answer, _: answer.finish_reason,
    "model": lambda answer, _: answer.model,
    "reasoning": lambda answer, _: answer.reasoning,
    "request_id": lambda answer, _: answer.request_id,
    "usage": lambda _, conversation: conversation.usage.as_dict(),
}


@dataclass(frozen=True)
class AnswerColumns:
    """
    The columns of the records.

    :param answer: column of the answer
    :param fields: columns of the fields of a structured answer, in place of the answer's column; else None
    :param extra: columns of :data:`EXTRA_COLUMNS`
    :param keep: columns of the row to keep; None for all
    :param key: column that identifies a row, with what is asked about it; else None
    """

    answer: str = ANSWER
    fields: Sequence[str] | None = None
    extra: Sequence[str] = ()
    keep: Sequence[str] | None = None
    key: str | None = None

    @property
    def result(self) -> list[str]:
        """
        The columns of a result, in order.
        """
        return [*(self.fields or [self.answer]), *self.extra]

    @property
    def recipe(self) -> dict[str, Any]:
        """
        The settings that affect records and differ from the defaults, as JSON.
        """
        recipe = {"columns": [self.answer, self.fields, list(self.extra), self.keep], "key": self.key}
        default: dict[str, Any] = {"columns": [ANSWER, None, [], None], "key": None}
        return {name: value for name, value in recipe.items() if value != default[name]}


def build_columns(
    plan: ChatPlan,
    *,
    answer_column: Any = ANSWER,
    columns: Any = COLUMNS[0],
    extra_columns: Any = None,
    keep_columns: Any = None,
    key: Any = None,
) -> AnswerColumns:
    """
    Validate the parameters for the columns of records.

    :param plan: the plan of the conversations
    :param answer_column: column of the answer
    :param columns: one of :data:`COLUMNS`
    :param extra_columns: names in :data:`EXTRA_COLUMNS`, or None
    :param keep_columns: columns of the row to keep; None for all
    :param key: column that identifies a row, with what is asked about it; or None
    :return: the columns
    :raises ConfigurationError: if a parameter is invalid
    """
    if columns not in COLUMNS:
        raise ConfigurationError(f"columns must be 'answer' or 'flatten', not {quote(columns)}.")
    extra = _list_names(extra_columns, "extra_columns") or []
    for name in extra:
        if name not in EXTRA_COLUMNS:
            raise ConfigurationError(f"extra_columns must be among {', '.join(EXTRA_COLUMNS)}, not {quote(name)}.")
    fields = _list_fields(plan) if columns == "flatten" else None
    answer = text(answer_column, "answer_column")
    result = [*(fields or [answer]), *extra, ERROR]
    doubled = next((name for name in result if result.count(name) > 1), None)
    if doubled:
        raise ConfigurationError(f"Two columns of the result have the name {doubled!r}. Rename one of them.")
    keep = _list_names(keep_columns, "keep_columns")
    return AnswerColumns(answer, fields, extra, keep, None if key is None else text(key, "key"))


def _list_names(value: Any, name: str) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{name} must be a list of column names, not {quote(value)}.")
    return [text(item, f"{name}[{position}]") for position, item in enumerate(value)]


def _list_fields(plan: ChatPlan) -> list[str]:
    fields = plan.structure.fields if plan.structure else []
    if not fields:
        raise ConfigurationError(
            "columns='flatten' needs a response_format that describes an object with properties, such as a Pydantic "
            "model class."
        )
    return fields


class ChatRows(RowPlan):
    """
    Asks about each row in a conversation.

    :param plan: plan of the conversations
    :param template: builds the messages about a row
    :param columns: columns of the records
    :param start: starts a conversation with messages; its second argument is the value of the key column, or empty
    :param progress: counts the usage
    """

    def __init__(
        self,
        plan: ChatPlan,
        template: RowTemplate,
        columns: AnswerColumns,
        start: Callable[[Any, bytes], Conversation],
        progress: Progress,
    ) -> None:
        super().__init__(columns.result, columns.keep, reads_files=template.reads_files)
        self._template = template
        self._columns = columns
        self._start = start
        #: Counts the usage.
        self.progress = progress
        self._requested_model = plan.models[0]
        self._base = hashlib.sha256(canonical({"model": plan.models[0], "params": plan.params}, "The request"))

    @property
    def metadata(self) -> dict[str, Any]:
        """
        The model, and the number of answers that were cut at their limit of tokens.
        """
        return {"model": self.model or self._requested_model, "cut": self.progress.cut}

    def build_key(self, row: Row, number: int) -> bytes:
        """
        Build the key of a row: a hash of the whole request, and of the key column.
        """
        content = self._base.copy()
        content.update(canonical(self._build_messages(row, number), f"The request of row {number}"))
        content.update(self._read_key(row, number))
        return content.digest()[:KEY_BYTES]

    def ask(self, work: Work) -> Sequence[Row]:
        """
        Hold the conversation about a row.
        """
        (question,) = work.questions
        messages = self._build_messages(question.row, question.number)
        conversation = self._start(messages, self._read_key(question.row, question.number))
        try:
            answer = conversation.run()
        finally:
            self.progress.add_usage(conversation.usage)
        if answer.is_cut:
            self.progress.add_cut()
        self.model = answer.model or self.model
        return [self._build_result(answer, conversation)]

    def _build_messages(self, row: Row, number: int) -> Any:
        try:
            return self._template.build(row)
        except ConfigurationError as error:
            reason = error.args[0]
        raise InvalidInputError(f"Row {number}: {reason}")

    def _read_key(self, row: Row, number: int) -> bytes:
        name = self._columns.key
        if name is None:
            return b""
        if row.get(name) is None:
            raise InvalidInputError(f"Row {number} has no value in the key column {name!r}.")
        return canonical(row[name], f"The key of row {number}")

    def _build_result(self, answer: ChatAnswer, conversation: Conversation) -> Row:
        value = answer.text if answer.parsed is None else to_jsonable(answer.parsed)
        if self._columns.fields is None:
            result: Row = {self._columns.answer: value}
        else:
            result = {name: value.get(name) if isinstance(value, Mapping) else None for name in self._columns.fields}
        return {**result, **{name: EXTRA_COLUMNS[name](answer, conversation) for name in self._columns.extra}}
