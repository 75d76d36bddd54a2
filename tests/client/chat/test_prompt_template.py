from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.prompt_template import RowTemplate, fill_template
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{text}", "hello {name}"),
        ("Classify: {text}!", "Classify: hello {name}!"),
        ("{n} of {none}.", "3 of ."),
        ("{tags} {nested} {yes}", '["a", "é"] {"k": 1} true'),
        ('Answer as {"label": "x"} or {}.', 'Answer as {"label": "x"} or {}.'),
        ('{"a":{"b":1}} { text } {1}', '{"a":{"b":1}} { text } {1}'),
        ("{{text}} is {text}", "{text} is hello {name}"),
        ("{grüße}", "hallo"),
        ("{text.__class__} {text[0]} {text!r} {n:>9}", "{text.__class__} {text[0]} {text!r} {n:>9}"),
    ],
)
def test_columns_are_filled_in_and_nothing_else_is_touched(template: str, filled: str) -> None:
    row = {
        "text": "hello {name}",
        "n": 3,
        "none": None,
        "tags": ["a", "é"],
        "nested": {"k": 1},
        "yes": True,
        "grüße": "hallo",
        "name": "never",
    }
    assert fill_template(template, row) == filled


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match=r"the column {titel}, which .* its columns: title, body\."):
        fill_template("{titel}", {"title": "a secret plan", "body": ""})
    with pytest.raises(ConfigurationError, match="its columns: none"):
        fill_template("{text}", {})


def test_values_are_not_shown_in_the_error() -> None:
    with pytest.raises(ConfigurationError) as raised:
        fill_template("{titel}", {"title": "a secret plan"})
    assert "secret" not in str(raised.value)


ROW = {"text": "hello", "who": "a pirate"}


@pytest.mark.parametrize(
    ("prompts", "messages"),
    [
        ({"prompt": "{text}"}, [("user", "hello")]),
        (
            {"prompt": "{text}", "system_prompt": "Speak like {who}."},
            [("system", "Speak like a pirate."), ("user", "hello")],
        ),
        (
            {"messages": [{"role": "user", "content": "{who}?"}, {"role": "assistant", "content": "Yes, {text}"}]},
            [("user", "a pirate?"), ("assistant", "Yes, hello")],
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "{text}"}, {"type": "image_url"}]}]},
            [("user", [{"type": "text", "text": "hello"}, {"type": "image_url"}])],
        ),
    ],
)
def test_messages_of_a_row_are_built(prompts: dict[str, Any], messages: list[tuple[str, Any]]) -> None:
    assert RowTemplate(**prompts).build(ROW) == [{"role": role, "content": content} for role, content in messages]


@pytest.mark.parametrize(
    ("prompts", "sentence"),
    [
        ({}, "Nothing is asked"),
        ({"prompt": 5}, "prompt must be"),
        ({"prompt": "a", "system_prompt": 5}, "system_prompt must be"),
        ({"messages": "hello"}, "messages must be a list"),
        ({"messages": [], "prompt": "a"}, "not both"),
    ],
)
def test_prompts_that_cannot_be_sent_are_refused(prompts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        RowTemplate(**prompts)
