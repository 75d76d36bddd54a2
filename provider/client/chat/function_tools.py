"""
Python functions as tools: converts annotations to a JSON schema, and runs calls. Pure.

Arguments are data: pydantic validates them against the annotations, and only the function itself runs.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

from ...errors import ConfigurationError, ToolError
from ...redaction import excerpt
from ...validation import quote

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.json_schema import GenerateJsonSchema

#: Names that OpenAI's API accepts.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: Errors of one call that are reported to the model.
_MAX_ERRORS = 10


class _BadArguments(Exception):
    """
    The arguments don't fit the function; the message says why.
    """


class Function:
    """
    A function that a model may call.

    :param function: the function
    :param position: its index in the list of tools, for errors
    :raises ConfigurationError: if it can't be described to a model
    """

    def __init__(self, function: Any, position: int) -> None:
        self.name = _check_function_name(function, position)
        self._function = function
        parameters = _parameters(function, self.name)
        # "json" or "_id" can't be names of pydantic's fields. And pydantic may accept an unknown argument with the name
        # of a field (2.13 does), so these names are ones that a model won't make up.
        self._fields = {f"parameter_{number}_of_tool": name for number, name in enumerate(parameters)}
        self._model = _model(self.name, parameters, self._fields)
        self.definition = _definition(function, self.name, _schema(self._model))

    def answer(self, text: str | None) -> tuple[str, str | None]:
        """
        Run the function.

        :param text: the arguments as JSON; None if they can't be written as such
        :return: the answer for the model; and the problem, or None
        """
        try:
            arguments = self._read(text)
        except _BadArguments as error:
            return f"Error: {error}", "bad arguments"
        try:
            result = self._function(**arguments)
        except ToolError as error:
            reason = str(error).strip().encode(errors="replace").decode()
            return f"Error: {reason or 'the tool gave no reason'}", "refused by the tool"
        return _as_content(result, self.name), None

    def _read(self, text: str | None) -> dict[str, Any]:
        from pydantic import ValidationError
        from pydantic_core import from_json

        if text is None:
            raise _BadArguments(f"the arguments of {self.name} are not JSON, or nested too deeply.")
        text = text if text.strip() else "{}"
        try:
            # Without this, pydantic would accept NaN for a type that isn't restricted.
            from_json(text.encode(), allow_inf_nan=False)
        except ValueError as error:
            raise _BadArguments(f"the arguments of {self.name} are not JSON: {excerpt(str(error))}.") from None
        try:
            values = self._model.model_validate_json(text)
        except ValidationError as error:
            raise _BadArguments(self._faults(error)) from None
        return {name: getattr(values, field) for field, name in self._fields.items()}

    def _faults(self, error: ValidationError) -> str:
        properties = self.definition["function"]["parameters"]["properties"]
        needed = self.definition["function"]["parameters"].get("required", ())
        errors = error.errors(include_url=False, include_context=False)
        faults = [_describe_error(each, properties) for each in errors[:_MAX_ERRORS]]
        if len(errors) > _MAX_ERRORS:
            faults.append(f"{len(errors) - _MAX_ERRORS} more")
        takes = ", ".join(f"{name} (required)" if name in needed else name for name in properties) or "no arguments"
        return f"the arguments of {self.name} are wrong. {'; '.join(faults)}. It takes {takes}."


def _describe_error(error: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """
    Describe what is wrong with one argument, and what its schema allows.
    """
    path = excerpt(".".join(map(str, error["loc"])), 100) or "arguments"
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such argument"
    message = excerpt(error["msg"], 300)
    problem = "missing" if error["type"] == "missing" else f"{message}, not {quote(error['input'])}"
    schema = properties.get(error["loc"][0]) if error["loc"] else None
    hint = f" (schema: {excerpt(json.dumps(schema, ensure_ascii=False), 200)})" if schema else ""
    return f"{path}: {problem}{hint}"


def _check_function_name(function: Any, position: int) -> str:
    name = getattr(function, "__name__", None)
    if not (inspect.isroutine(function) and callable(function) and isinstance(name, str)):
        raise ConfigurationError(
            f"tools[{position}] must be a dictionary in OpenAI's format or a plain Python function, not "
            f"{quote(function)}: no class, no partial, and nothing decorated with @task."
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(f"The function {name} in tools is async, which is not run here: give one that is not.")
    if inspect.isgeneratorfunction(function):
        raise ConfigurationError(f"The function {name} in tools is a generator: give one that returns a list.")
    return check_name(name, position)


def check_name(name: str, position: int) -> str:
    """
    Check the name of a tool.

    :param name: the name
    :param position: its index in the list of tools, for the error
    :return: the name
    :raises ConfigurationError: if OpenAI's API doesn't accept the name
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"tools[{position}] has the name {quote(name)}: a tool's name has 1 to 64 of the characters "
            "A-Z, a-z, 0-9, _ and -."
        )
    return name


def _parameters(function: Callable[..., Any], name: str) -> dict[str, tuple[Any, Any]]:
    """
    Return the type and the default of each parameter.
    """
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        raise ConfigurationError(f"The function {name} in tools has no signature to read: wrap it in one.") from None
    for each in signature.parameters.values():
        if each.kind not in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
            raise ConfigurationError(
                f"The function {name} in tools takes {each}, a {each.kind.description} parameter: a model gives "
                "arguments by name only."
            )
        if each.annotation is each.empty:
            raise ConfigurationError(
                f"The parameter {each.name} of the function {name} in tools has no type: annotate it, so that the "
                "model knows what to give."
            )
    types = _types(function, name, signature)
    return {
        each.name: (types[each.name], ... if each.default is each.empty else each.default)
        for each in signature.parameters.values()
    }


def _types(function: Callable[..., Any], name: str, signature: inspect.Signature) -> dict[str, Any]:
    # Ignore the return type, which may be known to type checkers only.
    holder = SimpleNamespace(__annotations__={each.name: each.annotation for each in signature.parameters.values()})
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(holder, globalns=scope, include_extras=True)
    except (NameError, SyntaxError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"The types of the function {name} in tools cannot be read: {excerpt(str(error))}. They must be known "
            "where its module is run, not to type checkers only or within another function."
        ) from error


def _model(name: str, parameters: Mapping[str, tuple[Any, Any]], fields: Mapping[str, str]) -> type[BaseModel]:
    """
    Create the pydantic model of a function's arguments.
    """
    errors = _cannot_describe()
    try:
        return _create_model(name, parameters, fields)
    except errors as error:
        for field, parameter in fields.items():
            try:
                _create_model(name, parameters, {field: parameter})
            except errors:
                wrong = excerpt(inspect.formatannotation(parameters[parameter][0]), 100)
                raise ConfigurationError(
                    f"The type of the parameter {parameter} of the function {name} in tools, {wrong}, has no JSON "
                    "schema: take what JSON can hold, or a dataclass or pydantic model of it."
                ) from error
        raise ConfigurationError(f"The function {name} in tools cannot be described: {excerpt(str(error))}.") from error


def _cannot_describe() -> tuple[type[Exception], ...]:
    try:
        from pydantic import PydanticUserError
    except ImportError:  # Airflow 2.11 comes without it
        raise ConfigurationError(
            'Functions in tools need pydantic 2, which is not installed here: pip install "pydantic>=2.11", or give '
            "dictionaries in OpenAI's format."
        ) from None
    # The latter two are for constraints that don't suit the type, and for types that aren't defined yet.
    return PydanticUserError, TypeError, NameError


def _create_model(name: str, parameters: Mapping[str, tuple[Any, Any]], fields: Mapping[str, str]) -> type[BaseModel]:
    from pydantic import ConfigDict, Field, create_model

    definitions: dict[str, Any] = {}
    for field, parameter in fields.items():
        kind, default = parameters[parameter]
        definitions[field] = Annotated[kind, Field(alias=parameter)], default
    # Applies to nested dataclasses too, which don't have a configuration of their own.
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    model: type[BaseModel] = create_model(name, __config__=config, **definitions)
    _schema(model)
    return model


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_generator())
    del schema["title"]
    return schema


@cache
def _generator() -> type[GenerateJsonSchema]:
    from pydantic.json_schema import GenerateJsonSchema
    from pydantic_core import PydanticSerializationError

    class Generator(GenerateJsonSchema):
        """
        Leaves out titles, which repeat the names and cost tokens, and defaults that JSON can't hold.
        """

        ignored_warning_kinds = GenerateJsonSchema.ignored_warning_kinds | {"non-serializable-default"}

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

        def encode_default(self, dft: Any) -> Any:
            value = super().encode_default(dft)
            try:
                json.dumps(value, allow_nan=False)
            except ValueError as error:
                raise PydanticSerializationError(str(error)) from None
            return value

    return Generator


def _definition(function: Callable[..., Any], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    documentation = inspect.getdoc(function) or ""
    for parameter, meaning in read_parameter_docs(documentation).items():
        # The annotation's own description takes precedence.
        schema["properties"].get(parameter, {}).setdefault("description", meaning)
    description: dict[str, Any] = {"name": name, "description": read_summary(documentation), "parameters": schema}
    if not description["description"]:
        del description["description"]
    return {"type": "function", "function": description}


def _as_content(result: Any, name: str) -> str:
    """
    Return a result as text: strings unchanged, all else as JSON.
    """
    from pydantic_core import to_json

    try:
        if isinstance(result, str):
            # For a member of a string enum too; a lone surrogate couldn't be sent.
            return result.encode().decode()
        return to_json(result, inf_nan_mode="strings", fallback=_to_python_numbers).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The tool {name} returned {quote(result)}, which cannot be written as JSON: {excerpt(str(error))}. Let it "
            "return text, or what JSON can hold."
        ) from error


def _to_python_numbers(value: Any) -> Any:
    """
    Convert numbers of numpy and pandas to Python's.
    """
    if not hasattr(value, "tolist"):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return value.tolist()


#: ``:param city: text``, also with a type before the name; indented lines continue it.
_FIELD = re.compile(r"^:param (?:[^:\n]* )?(\w+):[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)


#: Google's section, up to the next line that is not indented, and an entry of it.
_SECTION = re.compile(r"^Args:[ \t]*\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)


_ENTRY = re.compile(r"^(\w+)(?:[ \t]*\([^)\n]*\))?:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)


def read_summary(documentation: str) -> str:
    """
    Return the first paragraph of a docstring, without parameters.

    :param documentation: the docstring
    :return: the paragraph on one line
    """
    first = re.split(r"\n[ \t]*\n|^:|^Args:", documentation.strip(), maxsplit=1, flags=re.MULTILINE)[0]
    return " ".join(first.split())


def read_parameter_docs(documentation: str) -> dict[str, str]:
    """
    Return the descriptions of parameters in a docstring, in Sphinx's form or in Google's.

    :param documentation: the docstring
    :return: the description of each parameter, on one line
    """
    entries = _FIELD.findall(documentation)
    for section in _SECTION.findall(documentation):
        entries += _ENTRY.findall(inspect.cleandoc(f"\n{section}"))
    return {name: " ".join(meaning.split()) for name, meaning in entries if meaning.strip()}
