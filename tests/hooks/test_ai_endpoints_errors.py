"""
What the hook says when something cannot work, before anything is sent and after.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    ConfigurationError,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import HELLO, MODEL, Make, stored

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda hook: hook.chat_completion(messages=HELLO),
            "No model: name one, or set 'Chat model' in the connection 'stored'.",
        ),
        (
            lambda hook: hook.create_embedding(input="a"),
            "No model: name one, or set 'Embedding model' in the connection",
        ),
        (lambda hook: hook.chat_completion(MODEL), "messages must be a list of messages such as"),
        (lambda hook: hook.create_embedding("bge-m3"), "input must be a text or a list of texts, not None."),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature="hot"),
            "temperature must be a number from 0 to 2, not 'hot'.",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature=3.5),
            "temperature must be a number from 0 to 2, not 3.5.",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature=math.nan),
            "temperature must be a number from 0 to 2, not nan.",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature=True),
            "temperature must be a number from 0 to 2, not True.",
        ),
        (lambda hook: hook.chat_completion(MODEL, []), "messages must hold at least one message."),
        (lambda hook: hook.chat_completion(MODEL, "Hello"), "messages must be a list of messages such as"),
        (
            lambda hook: hook.chat_completion(MODEL, [{"role": "robot", "content": ""}]),
            "messages[0] has the role 'robot'; a role is one of",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, [{"role": "user", "content": 5}]),
            "messages[0] must have a text or a list of parts",
        ),
        (lambda hook: hook.chat_completion(5, HELLO), "model must be a text, not 5."),
        (lambda hook: hook.chat_completion("", HELLO), "model must not be empty."),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, logit_bias={"a": math.nan}),
            "logit_bias cannot be written as JSON: Out of range",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, [{"role": "user", "content": "\udc80"}]),
            "messages[0] cannot be written as JSON: 'utf-8' codec",
        ),
        (lambda hook: hook.create_embedding("bge-m3", ""), "input must not be empty."),
        (lambda hook: hook.create_embedding("bge-m3", []), "input must hold at least one text."),
        (lambda hook: hook.create_embedding("bge-m3", ["a", 5]), "input[1] must be a text, not 5."),
        (lambda hook: hook.create_embedding(5, "a"), "model must be a text, not 5."),
        (
            lambda hook: hook.create_embedding("bge-m3", ["a", "\ud800"]),
            "input[1] cannot be written as JSON: 'utf-8' codec",
        ),
    ],
)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_arguments_that_cannot_work(
    hook_for: Make, sandbox: Sandbox, call: Callable[[Any], Any], says: str, fail_fast: bool
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(hook_for(stored(sandbox), fail_fast=fail_fast))
    assert str(caught.value).startswith(says)
    assert isinstance(caught.value, AirflowFailException) is fail_fast
    assert sandbox.requests == []
    pickle.loads(pickle.dumps(caught.value))
