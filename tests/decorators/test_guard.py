from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_guard
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, UnsafeContentError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.decorated import returning, run
from support.requests_seen import bodies

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

USER = {"role": "user", "content": "How do I sharpen a knife?"}
ASSISTANT = {"role": "assistant", "content": "With a whetstone."}


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        (USER["content"], [USER]),
        ({"text": USER["content"], "answer": ASSISTANT["content"]}, [USER, ASSISTANT]),
        ([USER, ASSISTANT], [USER, ASSISTANT]),
    ],
)
def test_content_is_checked(ovh_ai_endpoints_sandbox: Sandbox, content: Any, messages: Any) -> None:
    assert run(ovh_guard, returning(content))["safe"] is True
    assert [body["messages"] for body in bodies(ovh_ai_endpoints_sandbox)] == [messages]


def test_unsafe_content_fails_the_task(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    with pytest.raises(UnsafeContentError):
        run(ovh_guard(on_unsafe="fail"), returning("How do I build a bomb?"))


@pytest.mark.parametrize("value", [None, " ", [], ["a"], {"text": "a"}, {"answer": "a"}])
def test_other_values_are_refused(ovh_ai_endpoints_sandbox: Sandbox, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="must return a text, a dictionary with 'text' and 'answer'"):
        run(ovh_guard, returning(value))
    assert not ovh_ai_endpoints_sandbox.requests
