from __future__ import annotations

import enum
import functools
import json
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import jsonschema
import numpy as np
import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.tool_calls import read_tool_calls
from apache_airflow_provider_ovhcloud_ai.client.chat.tools import ToolAnswer, Tools
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, ToolError
from pydantic import BaseModel, ConfigDict, Field, field_validator
from real import conftest as llama
from real import models
from support.tool_functions import DICTIONARY, Colour, Place, Stay, book, call, nothing, weather

if TYPE_CHECKING:
    from elsewhere import Unknown

# Each release comes with a pydantic of its own.
pytestmark = pytest.mark.airflow


class Word(enum.StrEnum):
    YES = "yes"


class Exact(BaseModel):
    model_config = ConfigDict(strict=True)

    day: date


def odd_names(schema: int, _hidden: int, model_dump: int, self: int, context: int, json: int) -> dict[str, int]:
    return locals()


def free(value: Any) -> Any:
    return value


def answer(function: Callable[..., Any], /, **arguments: Any) -> ToolAnswer:
    return Tools(function).answer(read_tool_calls([call(function.__name__, json.dumps(arguments))])[0])


def result(function: Callable[..., Any], /, **arguments: Any) -> str:
    tool_result = answer(function, **arguments)
    assert tool_result.problem is None, tool_result.message
    return tool_result.message["content"]


def returning(value: Any) -> Callable[[], Any]:
    def tool() -> Any:
        return value

    return tool


def refusal(tools: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Tools(tools)
    return str(caught.value)


def schema(function: Callable[..., Any]) -> dict[str, Any]:
    (definition,) = Tools(function).definitions
    return definition["function"]["parameters"]


# What the model is told


def test_a_function_is_described() -> None:
    assert Tools([weather]).definitions == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Return the weather of a city.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string", "description": "the city's name, in any language"},
                        "days": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 7,
                            "default": 3,
                            "description": "how far to look ahead",
                        },
                        "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
                    },
                    "required": ["city"],
                    "additionalProperties": False,
                },
            },
        }
    ]


def test_types_that_nest_are_described() -> None:
    (definition,) = Tools(book).definitions
    assert definition["function"]["description"] == "Book a room."
    parameters = definition["function"]["parameters"]
    assert parameters["required"] == ["place", "stay", "colour", "names", "extras"]
    properties = parameters["properties"]
    assert properties["place"] == {"$ref": "#/$defs/Place", "description": "Where to stay, and nowhere else."}
    assert properties["names"] == {"type": "array", "items": {"type": "string"}, "description": "Who comes."}
    assert properties["extras"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert properties["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert parameters["$defs"]["Colour"]["enum"] == ["red", "green"]
    assert parameters["$defs"]["Stay"]["properties"]["nights"]["description"] == "How many nights."
    jsonschema.Draft202012Validator.check_schema(parameters)
    fine = {
        "place": {"city": "Lyon"},
        "stay": {"start": "2026-01-02"},
        "colour": "red",
        "names": ["Ada"],
        "extras": {"tax": 1.5},
    }
    jsonschema.validate(fine, parameters)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(fine | {"colour": "blue"}, parameters)


def test_functions_need_pydantic_and_dictionaries_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    assert Tools([DICTIONARY])
    assert 'pip install "pydantic>=2.11"' in refusal([weather])


def test_a_function_without_parameters_or_docstring() -> None:
    (definition,) = Tools(nothing).definitions
    empty = {"type": "object", "properties": {}, "additionalProperties": False}
    assert definition == {"type": "function", "function": {"name": "nothing", "parameters": empty}}


def test_no_title_is_paid_for_at_the_top() -> None:
    assert '"title"' not in json.dumps(Tools(weather).definitions)


def test_what_an_annotation_says_counts_more_than_the_docstring() -> None:
    def look(place: Annotated[str, Field(description="from the annotation")]) -> str:
        """
        Look.

        :param place: from the docstring
        """
        return place

    assert schema(look)["properties"]["place"]["description"] == "from the annotation"


@pytest.mark.parametrize(
    ("documentation", "description"),
    [
        ("One line.", "One line."),
        ("\n    First,\n    still first.\n\n    Second.", "First, still first."),
        ("First.\n    :param value: it", "First."),
        ("First.\n    Args:\n        value: it", "First."),
        (":param value: it", None),
        ("  \n ", None),
        (None, None),
    ],
)
def test_first_paragraph(documentation: str | None, description: str | None) -> None:
    def tool(value: str) -> str:
        return value

    tool.__doc__ = documentation
    (definition,) = Tools(tool).definitions
    assert definition["function"].get("description") == description
    paragraph = "it" if documentation and "it" in documentation.split() else None
    assert definition["function"]["parameters"]["properties"]["value"].get("description") == paragraph


def test_a_default_that_json_cannot_hold_is_left_out() -> None:
    mark = object()

    def tool(anything: Any = mark, most: float = math.inf, when: date = date(2026, 1, 2)) -> bool:
        return anything is mark and most == math.inf

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        properties = schema(tool)["properties"]
    assert properties["anything"] == {}
    assert properties["most"] == {"type": "number"}
    assert properties["when"] == {"type": "string", "format": "date", "default": "2026-01-02"}
    assert result(tool) == "true"


def test_a_default_may_be_a_field() -> None:
    def tool(count: int = Field(7, ge=5), names: list[str] = Field(default_factory=list)) -> list[Any]:  # noqa: B008  (how pydantic is used)
        return [count, names]

    assert schema(tool)["properties"]["count"] == {"type": "integer", "minimum": 5, "default": 7}
    assert result(tool) == "[7,[]]"
    assert answer(tool, count=4).problem == "bad arguments"


# What is no tool


def positional(value: int, /) -> None: ...
def several(*values: int) -> None: ...
def keywords(**values: int) -> None: ...
def untyped(first: int, second) -> None: ...
def called_back(fine: int, done: Callable[[], None]) -> None: ...
def foreign(fine: int, other: re.Scanner) -> None: ...
def ill_bounded(fine: int, text: Annotated[int, Field(discriminator="x")]) -> None: ...
def for_checkers(value: Unknown) -> None: ...
async def later(value: int) -> None: ...
def generated(value: int) -> Iterator[int]:
    yield value


async def generated_later(value: int) -> Any:
    yield value


class Callable_:
    def __call__(self, value: int) -> int:
        return value

    def method(self, value: int) -> int:
        """Add one."""
        return value + 1

    @classmethod
    def of_class(cls, value: int) -> str:
        return f"{cls.__name__} {value}"

    @staticmethod
    def static(value: int) -> int:
        return value


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ([], "tools is an empty list: "),
        ((), "tools is an empty list: "),
        (None, "tools[0] must be a dictionary in OpenAI's format or a plain Python function, not None"),
        ("weather", "tools[0] must be a dictionary in OpenAI's format or a plain Python function, not 'weather'"),
        ([weather, 5], "tools[1] must be a dictionary in OpenAI's format or a plain Python function, not 5"),
        ({weather}, "not a value of type set"),
        (Place, "not a value of type type: no class, no partial"),
        (Callable_(), "not a value of type Callable_"),
        (functools.partial(weather, days=1), "not a value of type partial"),
        ([weather, weather], "Two tools have the name 'weather': "),
        ([DICTIONARY, dict(DICTIONARY)], "Two tools have the name 'theirs': "),
        ({}, 'tools[0] must be {"type": "function", "function": {"name": ...}}'),
        ({"type": "function"}, "tools[0] must be {"),
        ({"type": "function", "function": {}}, "tools[0] must be {"),
        ({"type": "function", "function": {"name": 5}}, "tools[0] must be {"),
        ({"type": "function", "function": "weather"}, "tools[0] must be {"),
        ([weather, {"type": "custom", "function": {"name": "x"}}], "tools[1] must be {"),
        ({"type": "function", "function": {"name": "two words"}}, "tools[0] has the name 'two words': "),
        ({"type": "function", "function": {"name": "x" * 65}}, "tools[0] has the name 'xxx"),
        ({"type": "function", "function": {"name": "x\n"}}, "tools[0] has the name 'x\\n': "),
        (lambda: 1, "tools[0] has the name '<lambda>': "),
        (positional, "The function positional in tools takes value: 'int', a positional-only parameter: "),
        (several, "The function several in tools takes *values: 'int', a variadic positional parameter: "),
        (keywords, "The function keywords in tools takes **values: 'int', a variadic keyword parameter: "),
        (untyped, "The parameter second of the function untyped in tools has no type: "),
        (Callable_.method, "The parameter self of the function method in tools has no type: "),
        (called_back, "The type of the parameter done of the function called_back in tools, "),
        (foreign, "The type of the parameter other of the function foreign in tools, re.Scanner, has no JSON schema: "),
        (ill_bounded, "The type of the parameter text of the function ill_bounded in tools, "),
        (for_checkers, "The types of the function for_checkers in tools cannot be read: name 'Unknown' is not defined"),
        (later, "The function later in tools is async"),
        (generated_later, "The function generated_later in tools is async"),
        (generated, "The function generated in tools is a generator"),
        (print, "The function print in tools takes *args, a variadic positional parameter"),
        (dict.fromkeys, "The function fromkeys in tools takes iterable, a positional-only parameter"),
        (min, "The function min in tools has no signature"),
    ],
)
def test_what_is_no_tool_is_refused(tools: Any, words: str) -> None:
    assert words in refusal(tools)


def test_a_decorated_task_is_refused() -> None:
    try:
        from airflow.sdk import task
    except ImportError:  # 2.11
        from airflow.decorators import task
    assert refusal(task(weather)).endswith("nothing decorated with @task.")


# Calls


def test_arguments_become_what_the_types_say() -> None:
    values: list[Any] = []

    def keep(
        place: Place, stay: Stay, colour: Colour, pair: tuple[int, date], pause: timedelta, exact: Exact, some: set[int]
    ) -> None:
        values.extend([place, stay, colour, pair, pause, exact, some])

    result(
        keep,
        place={"city": "Lyon", "zip_code": "69001"},
        stay={"start": "2026-01-02"},
        colour="green",
        pair=["7", "2026-01-03"],
        pause="PT2H",
        exact={"day": "2026-01-04"},
        some=[1, 1],
    )
    assert values == [
        Place("Lyon", 69001),
        Stay(start=date(2026, 1, 2)),
        Colour.GREEN,
        (7, date(2026, 1, 3)),
        timedelta(hours=2),
        Exact(day=date(2026, 1, 4)),
        {1},
    ]


def test_names_that_pydantic_keeps_for_itself() -> None:
    arguments = {"schema": 1, "_hidden": 2, "model_dump": 3, "self": 4, "context": 5, "json": 6}
    assert list(schema(odd_names)["properties"]) == list(arguments)
    assert json.loads(result(odd_names, **arguments)) == arguments
    assert "_hidden: missing" in answer(odd_names, hidden=2).message["content"]


def test_a_default_of_the_function_is_not_shared_by_calls() -> None:
    def collect(value: int, values: list[int] = []) -> list[int]:  # noqa: B006  (what is tested)
        values.append(value)
        return values

    tools = Tools(collect)
    calls = read_tool_calls([call("collect", f'{{"value": {n}}}') for n in (1, 2)])
    contents = [tools.answer(each).message["content"] for each in calls]
    assert contents == ["[1]", "[2]"]


def test_methods_and_wrapped_functions() -> None:
    def loud(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> str:
            return function(*args, **kwargs).upper()

        return wrapper

    assert result(Callable_().method, value=1) == "2"
    assert Tools(Callable_().method).definitions[0]["function"]["description"] == "Add one."
    assert result(Callable_.of_class, value=1) == "Callable_ 1"
    assert result(Callable_.static, value=1) == "1"
    assert result(loud(weather), city="Lyon") == "LYON: 3 DAYS IN CELSIUS"
    assert result(functools.cache(weather), city="Lyon") == "Lyon: 3 days in celsius"


def test_the_type_of_the_result_may_be_unknown() -> None:
    def tool(value: int) -> Unknown:
        return value

    assert result(tool, value=3) == "3"


@pytest.mark.parametrize("arguments", ["", "  \n", None, "{}", {}])
def test_no_arguments(arguments: Any) -> None:
    tool_result = Tools(nothing).answer(read_tool_calls([call("nothing", arguments)])[0])
    assert (tool_result.message["content"], tool_result.problem) == ("null", None)


# Calls that the model got wrong


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


circle: list[Any] = []
circle.append(circle)


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        "city=Lyon",
        "{'city': 'Lyon'}",
        '{"value": 1} and more',
        '{"value": NaN}',
        '{"value": -Infinity}',
        '{"value": "\\ud800"}',
        '{"value": "\ud800"}',
        '{"value": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"value": ' + "9" * 5_000 + "}",
        {"value": math.nan},
        {"value": nested(100_000)},
        {"value": circle},
        {"value": object()},
        {"value": "\ud800"},
        {(1, 2): 3},
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:20]!r}" if isinstance(value, str) else type(value).__name__,
)
def test_arguments_that_are_not_json(arguments: Any) -> None:
    tool_result = Tools(free).answer(read_tool_calls([call("free", arguments)])[0])
    assert tool_result.message["content"].startswith("Error: the arguments of free are not JSON")
    assert len(tool_result.message["content"]) < 400
    assert tool_result.problem == "bad arguments"
    assert tool_result.message["content"].encode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, 'city: missing (schema: {"type": "string", "description": "the city\'s name, in any language"})'),
        ({"city": 5}, "city: Input should be a valid string, not 5"),
        (
            {"city": "Lyon", "days": "three"},
            "days: Input should be a valid integer, unable to parse string as an integer",
        ),
        ({"city": "Lyon", "days": "three"}, ", not 'three' (schema: {"),
        ({"city": "Lyon", "days": 9}, "days: Input should be less than or equal to 7, not 9"),
        ({"city": "Lyon", "days": 9}, '"maximum": 7'),
        ({"city": "Lyon", "unit": "stone"}, "unit: Input should be 'celsius' or 'kelvin', not 'stone'"),
        ({"city": "Lyon", "town": "Lyon"}, "town: there is no such argument"),
        ([], "arguments: Input should be an object, not a value of type list"),
        (None, "city: missing"),
        ("Lyon", "arguments: Input should be an object, not 'Lyon'"),
        ({"city": 5, "days": 9}, "not 5 (schema: "),
    ],
)
def test_wrong_arguments_are_explained(arguments: Any, words: str) -> None:
    tool_result = Tools(weather).answer(read_tool_calls([call(arguments=json.dumps(arguments))])[0])
    content = tool_result.message["content"]
    assert content.startswith("Error: the arguments of weather are wrong. ")
    assert content.endswith(" It takes city (required), days, unit.")
    assert words in content
    assert "pydantic" not in content
    assert tool_result.problem == "bad arguments"
    assert tool_result.result_size == len(content)


def test_wrong_arguments_that_nest_are_explained() -> None:
    tool_result = answer(
        book,
        place={"zip_code": "x"},
        stay={"start": "soon", "nights": 0, "pets": 2},
        colour="blue",
        names="Ada",
        extras={"tax": "1e999"},
    )
    content = tool_result.message["content"]
    for words in (
        "place.city: missing",
        "place.zip_code: Input should be a valid integer",
        "stay.start: Input should be a valid date",
        "stay.nights: Input should be greater than or equal to 1, not 0",
        "stay.pets: there is no such argument",
        "colour: Input should be 'red' or 'green', not 'blue'",
        "names: Input should be a valid",
        "extras.tax: Input should be a finite number, not '1e999'",
    ):
        assert words in content


def test_a_tool_without_parameters_takes_none() -> None:
    content = answer(nothing, value=1).message["content"]
    assert content == (
        "Error: the arguments of nothing are wrong. value: there is no such argument. It takes no arguments."
    )


def test_an_explanation_is_short() -> None:
    def tool(numbers: list[int], choice: Literal[tuple(f"choice {n}" for n in range(500))]) -> None:
        raise AssertionError

    wrong = {"numbers": ["x" * 10_000] * 500, "choice": "y" * 10_000, "z" * 10_000: 1}
    content = Tools(tool).answer(read_tool_calls([call("tool", json.dumps(wrong))])[0]).message["content"]
    assert content.count("Input should be a valid integer") in {8, 9, 10}
    assert "; 492 more. It takes" in content
    assert len(content) < 5_000


def test_error_of_a_validator_is_returned_to_the_model() -> None:
    class Even(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def check(cls, value: int) -> int:
            if value % 2:
                raise ValueError("must be even")
            return value

    def tool(even: Even) -> int:
        return even.number

    tool.__annotations__ = {"even": Even}
    assert result(tool, even={"number": 2}) == "2"
    assert "even.number: Value error, must be even, not 3" in answer(tool, even={"number": 3}).message["content"]


# Results


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        (Word.YES, "yes"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (Decimal("0.10"), '"0.10"'),
        ("x" * 1_000_000, "x" * 1_000_000),
        (date(2026, 1, 2), '"2026-01-02"'),
        (Colour.RED, '"red"'),
        (Place("Lyon"), '{"city":"Lyon","zip_code":0}'),
        (Stay(start=date(2026, 1, 2)), '{"start":"2026-01-02","nights":1}'),
        ({"été": [1, (2, Place("Lyon"))]}, '{"été":[1,[2,{"city":"Lyon","zip_code":0}]]}'),
        (math.nan, '"NaN"'),
        (np.int64(3), "3"),
        (np.float32(0.5), "0.5"),
        ({"vector": np.arange(3)}, '{"vector":[0,1,2]}'),
    ],
)
def test_results(value: Any, content: str) -> None:
    tool_result = answer(returning(value))
    assert tool_result.message["content"] == content
    assert type(tool_result.message["content"]) is str
    assert (tool_result.result_size, tool_result.problem) == (len(content), None)


@pytest.mark.parametrize(
    "value", [object(), {"deep": [object()]}, circle, b"\xff", "\ud800", ["\ud800"], Place, nested(10_000), np.ndarray]
)
def test_a_result_that_json_cannot_hold(value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^The tool tool returned .*, which cannot be written as JSON: "
    ) as caught:
        answer(returning(value))
    assert len(str(caught.value)) < 600
    assert not caught.value.retryable


def test_a_coroutine_is_no_result() -> None:
    def tool() -> Any:
        coroutines.append(later(1))
        return coroutines[0]

    coroutines: list[Any] = []
    with pytest.raises(ConfigurationError, match="The tool tool returned a value of type coroutine"):
        answer(tool)
    coroutines[0].close()


@pytest.mark.parametrize(
    ("error", "content"),
    [
        (ToolError("no such city"), "Error: no such city"),
        (ToolError(), "Error: the tool gave no reason"),
        (ToolError("\ud800"), "Error: ?"),
        (type("Own", (ToolError,), {})("closed"), "Error: closed"),
    ],
)
def test_a_tool_may_refuse(error: ToolError, content: str) -> None:
    def tool() -> NoReturn:
        raise error

    tool_result = answer(tool)
    assert tool_result.message == {"role": "tool", "tool_call_id": "call_1", "content": content}
    assert (tool_result.result_size, tool_result.problem) == (len(content), "refused by the tool")


@pytest.mark.parametrize(
    "error", [ValueError("mine"), TypeError("mine"), RecursionError("mine"), UnicodeError("mine"), KeyboardInterrupt()]
)
def test_what_a_tool_raises_passes_through(error: BaseException) -> None:
    def tool() -> NoReturn:
        raise error

    with pytest.raises(type(error)) as caught:
        answer(tool)
    assert caught.value is error


def test_a_validation_error_of_a_tools_own_passes_through() -> None:
    def tool() -> NoReturn:
        Stay.model_validate({})
        raise AssertionError

    with pytest.raises(ValueError, match="1 validation error for Stay"):
        answer(tool)


# With servers


@pytest.fixture(scope="module")
def llama_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file: Path = tmp_path_factory.mktemp("llama") / "tiny-chat.gguf"
    models.write_chat_model(file)
    with llama.serving(file, "tiny-chat") as url:
        yield url


connect = llama.connect


@dataclass
class Room:
    colour: Colour
    quiet: bool


def choose(room: Room, also: list[Literal["bath", "view"]], sure: bool | None, floor: Literal[1, 2] = 1) -> list[Any]:
    return [room, also, sure, floor]


def test_llama_writes_arguments_that_a_function_takes(connect: Any, llama_url: str) -> None:
    """
    Its grammar is made of the function's schema; the tiny model's template has no place for calls themselves.
    """
    hook, tools = connect(llama_url), Tools([choose])
    messages = [{"role": "user", "content": "Choose."}]
    assert hook.chat_completion("tiny-chat", messages, tools=tools.definitions)["choices"]
    form = {"name": "choose", "strict": True, "schema": tools.definitions[0]["function"]["parameters"]}
    response_format = {"type": "json_schema", "json_schema": form}
    for seed in range(5):
        response = hook.chat_completion(
            "tiny-chat", messages, response_format=response_format, seed=seed, max_tokens=500
        )
        text = response["choices"][0]["message"]["content"]
        tool_result = tools.answer(read_tool_calls([call("choose", text)])[0])
        assert tool_result.problem is None, tool_result.message
        assert json.loads(tool_result.message["content"])[0]["colour"] in {"red", "green"}
