from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.decorated import returning, run
from support.requests_seen import bodies

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def test_a_text_is_what_the_user_says(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    answer = run(ovh_chat(model="gpt-oss-20b", output="text", temperature=0.2), returning("Why?"))
    assert "Why?" in answer
    assert bodies(ovh_ai_endpoints_sandbox) == [
        {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Why?"}], "temperature": 0.2}
    ]


@pytest.mark.parametrize("kind", [list, tuple])
def test_messages_are_sent_behind_the_system_prompt(kind: Any, ovh_ai_endpoints_sandbox: Sandbox) -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    run(ovh_chat(model="m", system_prompt="Be brief.", fallback_models=["gpt-oss-20b"]), returning(kind(messages)))
    assert bodies(ovh_ai_endpoints_sandbox)[-1]["messages"] == [{"role": "system", "content": "Be brief."}, *messages]


def test_the_response_is_returned_as_the_operator_returns_it() -> None:
    assert run(ovh_chat, returning("Why?"))["object"] == "chat.completion"


def test_texts_are_no_messages() -> None:
    with pytest.raises(ConfigurationError, match="returned a list of str:"):
        run(ovh_chat, returning(["a", "b"]))


def test_a_message_that_is_none_is_refused_by_the_operator(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="role"):
        run(ovh_chat, returning([{"content": "a"}]))
    assert bodies(ovh_ai_endpoints_sandbox) == []
