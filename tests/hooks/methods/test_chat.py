from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError, OutputTruncatedError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import HELLO, MODEL, Make, stored

pytestmark = pytest.mark.airflow


def test_nothing_is_sent_that_was_not_asked_for(hook_for: Make, sandbox: Sandbox) -> None:
    hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert sandbox.requests[0].json == {"model": MODEL, "messages": HELLO}


def test_truncated_answer_is_paid_for_and_kept(hook_for: Make, sandbox: Sandbox) -> None:
    value = {"choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "length"}], "usage": {}}
    sandbox.fail_next(200, value)
    with pytest.raises(OutputTruncatedError) as caught:
        hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert caught.value.response == value
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("body", ["<html><title>Sign in</title>", [1], {"choices": None}, "nothing"])
def test_responses_of_another_shape(hook_for: Make, sandbox: Sandbox, body: Any) -> None:
    sandbox.fail_next(200, body)
    with pytest.raises(InvalidResponseError) as caught:
        hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert not isinstance(caught.value, AirflowFailException)
