from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.prompt_template import build_conversation, fill_template
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


def test_conversation() -> None:
    row = {"text": "hello", "who": "a pirate"}
    assert build_conversation(row, "{text}") == [{"role": "user", "content": "hello"}]
    assert build_conversation(row, "{text}", "Speak like {who}.") == [
        {"role": "system", "content": "Speak like a pirate."},
        {"role": "user", "content": "hello"},
    ]
