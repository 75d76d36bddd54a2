"""
Tools that a model may call: typed Python functions to JSON schemas, and calls to their answers.

A call's arguments are data, which Pydantic checks against the function's annotations before it is run. What the model
gets wrong it is told; what a function raises is the author's, and ends the task.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError
from .redact import excerpt
from .values import quote

#: Names of functions that the API takes.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: ``:param name: text``, or ``name: text`` and ``name (type): text`` below "Args:".
_SPHINX = re.compile(r":param\s+(?:[\w\[\], |.]+\s+)?(\w+):\s*(.+?)(?=\n\s*:|\n\s*\n|\Z)", re.DOTALL)
_GOOGLE = re.compile(r"^\s+(\w+)\s*(?:\([^)]*\))?:\s*(.+)$", re.MULTILINE)

_FAULTS = 5


class ToolError(Exception):
    """
    Raise it in a tool to tell the model what went wrong, so that it can try otherwise; any other error ends the task.
    """


@dataclass(frozen=True)
class ToolAnswer:
    """
    What a call came to.

    :param name: the tool, as the model called it, cut to what fits into a log
    :param message: the message that goes back to the model
    :param arguments_size: characters of the arguments
    :param result_size: characters of the result
    :param problem: what the model was told to be wrong, or None
    """

    name: str
    message: dict[str, Any]
    arguments_size: int
    result_size: int
    problem: str | None = None


class _Problem(Exception):
    """
    What the model is told: ``kind`` is for the log, the text for the model.
    """

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


class Tools:
    """
    The tools of a conversation.

    :param tools: typed Python functions, which are run here, and dictionaries in OpenAI's format, whose calls are the
        author's to answer
    :raises ConfigurationError: if one cannot be described to a model
    """

    def __init__(self, tools: Any) -> None:
        each = [tools] if callable(tools) or isinstance(tools, Mapping) else tools
        if not isinstance(each, list | tuple):
            raise ConfigurationError(f"tools must be a list of functions or dictionaries, not {quote(tools)}.")
        self._functions: dict[str, _Function] = {}
        #: What is sent.
        self.definitions: list[dict[str, Any]] = []
        names: list[str] = []
        for position, tool in enumerate(each):
            if callable(tool):
                function = _Function(tool, f"tools[{position}]")
                self._functions[function.name] = function
                self.definitions.append(function.definition)
                names.append(function.name)
            else:
                names.append(_name_in(tool, f"tools[{position}]"))
                self.definitions.append(dict(tool))
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled:
            raise ConfigurationError(f"tools: two are called {doubled!r}, and a call could not tell them apart.")
        self._names = names

    def runs(self, calls: list[Any]) -> bool:
        """
        Tell whether calls are answered here.

        :param calls: as a model made them
        :return: False as soon as one is of a dictionary
        """
        return not any(name in self._names and name not in self._functions for name in map(_called, calls))

    def answer(self, call: Any) -> ToolAnswer:
        """
        Run what a model called, or tell it what is wrong with its call.

        :param call: as a model made it
        :return: the answer
        :raises Exception: whatever the function raises, but :class:`ToolError`
        """
        name = _called(call)
        arguments = _arguments(call)
        problem = None
        try:
            content = self._run(name, arguments)
        except _Problem as found:
            problem, content = found.kind, f"Error: {found}"
        identity = call.get("id") if isinstance(call, Mapping) else None
        message = {"role": "tool", "tool_call_id": identity if isinstance(identity, str) else "", "content": content}
        size = len(arguments) if isinstance(arguments, str) else len(json.dumps(arguments, default=str))
        return ToolAnswer(excerpt(name, 64) or "without a name", message, size, len(content), problem)

    def _run(self, name: str, arguments: Any) -> str:
        if name not in self._functions:
            known = ", ".join(self._names)
            raise _Problem("unknown tool", f"there is no tool {excerpt(name, 64)!r}; there are: {known}.")
        return self._functions[name].run(arguments)


class _Function:
    """
    One function, its description, and what checks its arguments.
    """

    def __init__(self, function: Callable[..., Any], where: str) -> None:
        self.name = getattr(function, "__name__", "")
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"{where} must be a function with a name of at most 64 letters, digits, _ or -, not {quote(function)}"
                + (f" called {self.name[:70]!r}." if self.name else ".")
            )
        if inspect.iscoroutinefunction(function):
            raise ConfigurationError(f"The tool {self.name} is asynchronous: give a plain function.")
        self._function = function
        self._model = self._model_of(function)
        self.definition = self._described()

    def run(self, arguments: Any) -> str:
        from pydantic import ValidationError

        faults: list[str] = []
        try:
            if isinstance(arguments, str):
                checked = self._model.model_validate_json(arguments.strip() or "{}")
            else:
                checked = self._model.model_validate_json(json.dumps(arguments or {}))
        except ValidationError as error:
            faults = [_told(found) for found in error.errors(include_url=False, include_context=False)[:_FAULTS]]
        except (TypeError, ValueError, RecursionError) as error:
            faults = [excerpt(str(error), 200)]
        if faults:
            wanted = json.dumps(self.definition["function"]["parameters"])
            raise _Problem(
                "bad arguments", f"bad arguments for {self.name}: {'; '.join(faults)}. Its parameters: {wanted}"
            )
        # Not model_dump: what was made of an argument, an instance of a class for one, is what the function takes.
        given = {
            name: getattr(checked, field) for name, field in self._fields.items() if field in checked.model_fields_set
        }
        try:
            result = self._function(**given)
        except ToolError as error:
            refused = str(error) or "refused"
        else:
            return self._written(result)
        raise _Problem("refused by the tool", refused)

    def _written(self, result: Any) -> str:
        if isinstance(result, str):
            return result
        from pydantic_core import PydanticSerializationError, to_json

        try:
            return to_json(result).decode()
        except PydanticSerializationError:
            kind = quote(result)
        raise ConfigurationError(
            f"The tool {self.name} returned {kind}, which cannot be written as JSON: return a text."
        )

    def _model_of(self, function: Callable[..., Any]) -> Any:
        from pydantic import ConfigDict, Field, create_model

        hints = _hints(function, self.name)
        texts = _parameter_texts(function)
        fields: dict[str, Any] = {}
        self._fields: dict[str, str] = {}
        for name, parameter in inspect.signature(function).parameters.items():
            self._check(parameter, hints)
            # A field of a name of its own: `json` or `copy` would hide what the model class has.
            field = f"p_{len(fields)}"
            self._fields[name] = field
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[field] = (hints[name], Field(default, alias=name, description=texts.get(name)))
        return create_model(self.name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)

    def _check(self, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> None:
        if parameter.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            raise ConfigurationError(
                f"The tool {self.name} takes {parameter}: a model calls by name, so name each parameter."
            )
        if parameter.name not in hints:
            raise ConfigurationError(
                f"The tool {self.name} does not say of which type {parameter.name!r} is: annotate it, as in "
                f"'{parameter.name}: str'."
            )

    def _described(self) -> dict[str, Any]:
        from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

        try:
            schema = self._model.model_json_schema(by_alias=True)
        except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError) as error:
            raise ConfigurationError(
                f"The tool {self.name} has a parameter that JSON cannot hold: {excerpt(str(error), 200)}"
            ) from None
        schema.pop("title", None)
        for described in schema.get("properties", {}).values():
            described.pop("title", None)
        function = {"name": self.name, "description": _summary(self._function), "parameters": schema}
        return {"type": "function", "function": {name: value for name, value in function.items() if value}}


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    from typing import get_type_hints

    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        fault = str(error)
    raise ConfigurationError(
        f"The annotations of the tool {name} cannot be read ({excerpt(fault, 100)}): import their types in the module "
        "itself, not for type checkers alone."
    )


def _summary(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def _parameter_texts(function: Callable[..., Any]) -> dict[str, str]:
    said = inspect.getdoc(function) or ""
    found = dict(_SPHINX.findall(said))
    _, args, below = said.partition("\nArgs:\n")
    if args:
        found |= dict(_GOOGLE.findall(below.split("\n\n")[0]))
    return {name: " ".join(words.split()) for name, words in found.items()}


def _name_in(tool: Any, where: str) -> str:
    function = tool.get("function") if isinstance(tool, Mapping) and tool.get("type") == "function" else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{where} must be a typed Python function, or a dictionary such as "
            '{"type": "function", "function": {"name": "...", "parameters": {...}}}, not ' + f"{quote(tool)}."
        )
    return name


def _called(call: Any) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def _arguments(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    given = function.get("arguments") if isinstance(function, Mapping) else None
    return "" if given is None else given


def _told(fault: Mapping[str, Any]) -> str:
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])
