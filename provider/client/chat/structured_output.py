"""
Structured output: the ``response_format`` to send, and the validation of answers. Pure.

Source: OpenAI API reference, ``response_format`` of chat completions, 2026-05; OVHcloud's structured output guide.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_origin

from ...errors import ConfigurationError
from ...redaction import excerpt
from ...validation import quote

#: Types of ``response_format`` in the API's own form.
FORMS = ("text", "json_object", "json_schema")

#: The property that holds the value of a type that isn't a JSON object: servers require an object at the root.
_WRAPPER = "value"

#: Schemas that any answer in words meets.
_UNRESTRICTED: tuple[dict[str, str], ...] = ({}, {"type": "string"})

#: Maximum length of the errors that a repair request reports.
_MAX_REPORT_CHARS = 600

#: Maximum number of errors that a repair request reports.
_MAX_ERRORS = 5

_FENCED = re.compile(r"\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


class SchemaMismatch(Exception):
    """
    An answer doesn't match the requested format; the message says how, and is written for the model.
    """


class ResponseFormat:
    """
    The format that an answer must have.

    :param response_format: a JSON schema, a Python type that pydantic understands (a model class, a dataclass,
        ``list[...]``, ``Literal[...]`` ...), or the API's own form: ``{"type": "json_object"}``,
        ``{"type": "json_schema", "json_schema": {"name": ..., "schema": ...}}``
    :raises ConfigurationError: if it is none of these, isn't a valid schema, or allows any text
    """

    def __init__(self, response_format: Any) -> None:
        self._model = response_format if _is_model(response_format) else None
        self._type = _PythonType(response_format) if _is_type(response_format) else None
        #: The parameter to send.
        self.parameter = self._type.parameter if self._type else _parameter(response_format)
        #: The schema for answers; None allows any JSON.
        self.schema = _find_schema(self.parameter)
        is_python = self._model or self._type
        self._validator = None if is_python or self.schema is None else _validator(self.schema)

    @property
    def fields(self) -> list[str]:
        """
        Names of the values in a parsed answer, as :func:`to_jsonable` returns it; empty if it may not be an object.
        """
        if self._type is not None and self._type.is_wrapped:
            return []
        if self._model is not None and "root" not in self._model.model_fields:
            return list(self._model.model_fields)
        properties = None if self._model or self.schema is None else self.schema.get("properties")
        return list(properties) if isinstance(properties, Mapping) else []

    def read(self, answer: str) -> Any:
        """
        Parse and validate an answer.

        :param answer: its text, which may be in a Markdown code fence
        :return: a value of the Python type, such as an instance of the model class, else the JSON value
        :raises SchemaMismatch: if it isn't JSON, or doesn't match the schema
        """
        if self._model is not None:
            return _instance(self._model.model_validate_json, strip_fence(answer))
        if self._type is not None:
            return self._type.read(answer)
        value = read_json(answer)
        if self._validator is not None:
            _check(self._validator, value)
        return value


def is_structured(response_format: Any) -> bool:
    """
    Return whether a format asks for data.

    :param response_format: as for :class:`ResponseFormat`, or None
    :return: False for None and for the API's ``{"type": "text"}``
    """
    return response_format is not None and not (
        isinstance(response_format, Mapping) and response_format.get("type") == "text"
    )


def to_jsonable(value: Any) -> Any:
    """
    Convert a parsed answer to a value that JSON, and so XCom, can hold.

    :param value: from :meth:`ResponseFormat.read`
    :return: the fields of a model's instance; JSON unchanged; the JSON of any other value
    """
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if _is_json(value):
        return value
    from pydantic import TypeAdapter

    # For Any, pydantic goes by the type of each value.
    return TypeAdapter(Any).dump_python(value, mode="json")


def strip_fence(answer: str) -> str:
    """
    Remove the Markdown code fence that models often put around JSON.

    :param answer: the answer's text
    :return: the content of the fence if it encloses the whole answer, else the answer
    """
    fenced = _FENCED.fullmatch(answer)
    return fenced[1] if fenced else answer


def read_json(answer: str) -> Any:
    """
    Parse JSON that a model wrote.

    :param answer: its text, which may be in a Markdown code fence
    :return: the value
    :raises SchemaMismatch: if it isn't JSON
    """
    fault = ""
    try:
        return json.loads(strip_fence(answer), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        fault = f"{error.msg} at character {error.pos}"
    except (ValueError, RecursionError) as error:
        fault = str(error)
    # Raised here: a JSON error holds the whole answer.
    raise SchemaMismatch(f"it is not JSON: {excerpt(fault, 200)}")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "model_json_schema")


def _is_type(value: Any) -> bool:
    if _is_model(value):
        return False
    # NewType, TypeVar and `type` statements create instances of classes in typing.
    is_special = type(value).__module__ in {"typing", "typing_extensions"}
    return isinstance(value, type) or get_origin(value) is not None or is_special


def _is_json(value: Any) -> bool:
    values = [value]
    while values:
        item = values.pop()
        # By exact type: members of enums may be strings or integers too.
        if type(item) is dict and all(type(key) is str for key in item):
            values.extend(item.values())
        elif type(item) is list:
            values.extend(item)
        elif type(item) not in {str, int, float, bool, type(None)}:
            return False
    return True


class _PythonType:
    """
    A type other than a model class, and the parameter that asks for its values.

    :param annotation: the type
    :raises ConfigurationError: if pydantic doesn't understand it, or if it allows any text
    """

    def __init__(self, annotation: Any) -> None:
        name = _name_type(annotation)
        try:
            from pydantic import ConfigDict, TypeAdapter, create_model
        except ImportError:  # Airflow 2.11 comes without it
            raise ConfigurationError(
                f"response_format={name} needs pydantic 2, which is not installed here: pip install "
                '"pydantic>=2.11", or give a JSON schema.'
            ) from None
        fault = ""
        try:
            adapter = TypeAdapter(annotation)
            schema = _inline_root(adapter.json_schema())
            self.is_wrapped = schema.get("type") != "object"
            if self.is_wrapped:
                fields: dict[str, Any] = {_WRAPPER: (annotation, ...)}
                adapter = TypeAdapter(create_model(name, __config__=ConfigDict(extra="forbid"), **fields))
        except Exception as error:  # noqa: BLE001  (the type's own code may raise anything)
            # Pydantic's advice after the first clause is for fields of models.
            fault = excerpt(re.split(r"\n|[.;] ", str(error))[0], 200).rstrip(".") or type(error).__name__
        if fault:
            raise ConfigurationError(
                f"response_format: {name} has no JSON schema: {fault}. Use types that JSON can hold, and define them "
                "at the top of a module."
            )
        if {key: schema[key] for key in schema.keys() - {"title", "description"}} in _UNRESTRICTED:
            raise ConfigurationError(
                f"response_format={name} allows any text. Leave response_format out, or use a type that restricts the "
                "answer."
            )
        self._validate_json = adapter.validate_json
        #: The parameter to send.
        self.parameter = _as_parameter(_wrap(schema) if self.is_wrapped else schema, name)

    def read(self, answer: str) -> Any:
        """
        Parse and validate an answer.

        :param answer: its text, which may be in a Markdown code fence
        :return: the value of the type
        :raises SchemaMismatch: if it isn't JSON, or isn't a value of the type
        """
        value = read_json(answer)
        content = strip_fence(answer)
        if not self.is_wrapped:
            return _instance(self._validate_json, content)
        if not (isinstance(value, dict) and _WRAPPER in value):
            # Models that ignore the schema often leave out the wrapper.
            content = f'{{"{_WRAPPER}": {content}}}'
        return getattr(_instance(self._validate_json, content), _WRAPPER)


def _name_type(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _name_type(annotation.__origin__)
    name = annotation.__name__ if isinstance(annotation, type) else inspect.formatannotation(annotation)
    # Without the modules.
    return excerpt(re.sub(r"[\w.<>]+\.", "", name), 100)


def _inline_root(schema: dict[str, Any]) -> dict[str, Any]:
    # A recursive type is a reference to its definition.
    definition = schema.get("$defs", {}).get(schema.get("$ref", "").removeprefix("#/$defs/"), {})
    return {**definition, **{key: schema[key] for key in schema if key != "$ref"}}


def _wrap(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {
        "type": "object",
        "properties": {_WRAPPER: {key: schema[key] for key in schema if key != "$defs"}},
        "required": [_WRAPPER],
        "additionalProperties": False,
        **definitions,
    }


def _parameter(response_format: Any) -> dict[str, Any]:
    if _is_model(response_format):
        return _as_parameter(_schema_of_model(response_format), response_format.__name__)
    if not isinstance(response_format, Mapping):
        raise ConfigurationError(
            f"response_format must be a JSON schema, a Python type, or a dictionary whose 'type' is one of "
            f"{', '.join(FORMS)}, not {quote(response_format)}."
        )
    if response_format.get("type") in FORMS:
        return dict(response_format)
    if not response_format.keys() & {"type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "items"}:
        raise ConfigurationError(
            "response_format is no JSON schema: it has none of type, properties, $ref, anyOf, oneOf, allOf, enum, "
            f"const, items. Its keys: {excerpt(', '.join(map(str, response_format)) or 'none', 100)}."
        )
    return _as_parameter(dict(response_format), str(response_format.get("title") or "answer"))


def _as_parameter(schema: dict[str, Any], title: str) -> dict[str, Any]:
    # OpenAI allows letters, digits, _ and -, 64 at most.
    name = re.sub(r"[^A-Za-z0-9_-]", "_", title)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def _schema_of_model(model: Any) -> dict[str, Any]:
    try:
        schema: dict[str, Any] = model.model_json_schema()
    except Exception as error:  # noqa: BLE001  (the class's own code may raise anything)
        fault = excerpt(str(error), 200)
    else:
        return schema
    raise ConfigurationError(f"response_format: {model.__name__} has no JSON schema: {fault}")


def _find_schema(parameter: Mapping[str, Any]) -> Any:
    if parameter["type"] != "json_schema":
        return None
    described = parameter.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if not isinstance(schema, Mapping):
        raise ConfigurationError(
            "response_format of type 'json_schema' must hold {'json_schema': {'name': ..., 'schema': {...}}}."
        )
    return schema


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        fault = f"{excerpt(error.message, 200)} at {error.json_path}"
    else:
        # A registry of its own: without one, a $ref to an address would be fetched.
        return kind(schema, registry=Registry())
    raise ConfigurationError(f"response_format is no valid JSON schema: {fault}.")


def _check(validator: Any, value: Any) -> None:
    from referencing.exceptions import Unresolvable

    try:
        faults = sorted(validator.iter_errors(value), key=lambda fault: str(fault.json_path))
    except Unresolvable as error:
        raise ConfigurationError(
            f"response_format refers to {quote(error.ref)}, which it does not hold: put it under $defs."
        ) from None
    if faults:
        raise SchemaMismatch(_join_faults([f"{fault.json_path}: {fault.message}" for fault in faults]))


def _instance(validate_json: Callable[[str], Any], answer: str) -> Any:
    from pydantic import ValidationError

    try:
        return validate_json(answer)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, detail['loc'])) or '$'}: {detail['msg']}"
            for detail in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    raise SchemaMismatch(_join_faults(faults))


def _join_faults(faults: list[str]) -> str:
    more = f" and {len(faults) - _MAX_ERRORS} more" if len(faults) > _MAX_ERRORS else ""
    return excerpt("; ".join(excerpt(fault, 200) for fault in faults[:_MAX_ERRORS]) + more, _MAX_REPORT_CHARS)
