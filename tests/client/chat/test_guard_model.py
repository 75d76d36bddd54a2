"""
What a guard model is asked, and verdicts in whatever spelling; what is no verdict is never a safe one.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request, guard_model
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidResponseError, OutputTruncatedError
from hypothesis import given
from hypothesis import strategies as st

USER = {"role": "user", "content": "How do I sharpen a knife?"}
ASSISTANT = {"role": "assistant", "content": "With a whetstone."}
RESPONSE = HTTPResponse(200, {"x-request-id": "r-1"}, b"")


def response(text: Any, finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}], **fields}


def read(value: Any, model: str = guard_model.MODEL, unsafe: tuple[str, ...] = ("Unsafe",)) -> dict[str, Any]:
    value = value if isinstance(value, dict) else response(value)
    return guard_model.read_verdict(value, RESPONSE, chat_request.chat(model, [USER]), unsafe)


@pytest.mark.parametrize(
    ("text", "safety", "categories", "refusal"),
    [
        ("Safety: Safe\nCategories: None", "Safe", [], None),
        ("Safety: Unsafe\nCategories: Violent", "Unsafe", ["Violent"], None),
        (
            "Safety: Controversial\nCategories: Politically Sensitive Topics, PII",
            "Controversial",
            ["Politically Sensitive Topics", "PII"],
            None,
        ),
        ("Safety: Safe\nCategories: None\nRefusal: Yes", "Safe", [], True),
        ("Safety: Unsafe\nCategories: Unethical Acts\nRefusal: No", "Unsafe", ["Unethical Acts"], False),
        (
            "Safety: Unsafe\nCategories: Suicide & Self-Harm,Jailbreak",
            "Unsafe",
            ["Suicide & Self-Harm", "Jailbreak"],
            None,
        ),
        ("\n\n  safety :  UNSAFE \r\n categories:violent , VIOLENT\r\n\r\n", "Unsafe", ["Violent"], None),
        (
            "**Safety:** Unsafe.\n- **Category**: `Violent`; Copyright Violation",
            "Unsafe",
            ["Violent", "Copyright Violation"],
            None,
        ),
        ("Safety\uff1aControversial\nCategories\uff1aPII\uff0cViolent", "Controversial", ["PII", "Violent"], None),
        ("Here is what I think.\nSafety: Safe\nThank you.", "Safe", [], None),
        ("Safety: Unsafe", "Unsafe", [], None),
        ("Safety: Unsafe\nCategories: Heresy, None", "Unsafe", ["Heresy"], None),
        ("Safety: Safe\nCategories: None\nRefusal: Maybe", "Safe", [], None),
        ("Safety: Safe\nRefusal: Yes\nRefusal: No", "Safe", [], None),
        ("Safety: Unsafe\nSafety: unsafe", "Unsafe", [], None),
        ("<think>\nSafety: Safe?\nSafety: Safe\n</think>\n\nSafety: Unsafe", "Unsafe", [], None),
        ("Safety: Safe\nso I thought</think>Safety: Unsafe", "Unsafe", [], None),
        ([{"type": "text", "text": "Safety: Safe\n"}, {"type": "text", "text": "Categories: None"}], "Safe", [], None),
    ],
)
def test_verdict(text: Any, safety: str, categories: list[str], refusal: bool | None) -> None:
    assert read(text) == {
        "safe": safety != "Unsafe",
        "safety": safety,
        "categories": categories,
        "refusal": refusal,
        "model": guard_model.MODEL,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        None,
        5,
        "Safe",
        "safe",
        "Everything is fine. Safety: Safe",
        "Safety:",
        "Safety:\nSafe",
        "Safety: None",
        "Safety: Safe or Unsafe",
        "Safety: not Safe",
        "Safety: Safer",
        "Safety: Un",
        "Safety: Safe|Unsafe|Controversial",
        "Safety: Safe\nSafety: Unsafe",
        "Safety: Safe\nSafety: whatever",
        "Safety - Safe",
        "unSafety: Safe",
        "Categories: None\nRefusal: No",
        "<think>Safety: Safe",
        "<think>\nSafety: Safe\nCategories: None",
        "Safety: Unsafe</think>",
        '{"safety": "Safe"}',
    ],
)
def test_what_is_no_verdict_is_never_a_safe_one(text: Any) -> None:
    with pytest.raises(InvalidResponseError, match="nothing is known to be safe") as caught:
        read(text)
    assert (caught.value.retryable, caught.value.request_id) == (True, "r-1")
    assert caught.value.response == response(text)


def test_several_answers_are_no_verdict() -> None:
    value = response("Safety: Safe")
    value["choices"] *= 2
    with pytest.raises(InvalidResponseError, match="is no verdict"):
        read(value)


@pytest.mark.parametrize("text", ["Safety: Saf", "Safe", "<think>Safety: Safe", None])
def test_one_that_is_cut_before_its_verdict(text: str | None) -> None:
    with pytest.raises(OutputTruncatedError, match=r"cut at its token limit .* before its verdict") as caught:
        read(response(text, "length"))
    assert caught.value.response == response(text, "length")


def test_one_that_is_cut_after_its_verdict_is_read() -> None:
    assert read(response("Safety: Unsafe\nCategories: Violent, Uneth", "length"))["categories"] == ["Violent", "Uneth"]


def test_the_error_quotes_nothing_and_names_a_guard_model_where_another_was_asked() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        read("The secret recipe of Mrs Miller", "gpt-oss-120b")
    message = str(caught.value)
    assert "Miller" not in message
    assert "gpt-oss-120b does not sound like a guard model: take Qwen3Guard-Gen-8B" in message
    with pytest.raises(InvalidResponseError) as caught:
        read("The secret recipe of Mrs Miller", "our-GUARD")
    assert "does not sound like" not in str(caught.value)


def test_a_model_of_any_name_may_give_a_verdict() -> None:
    assert read("Safety: Safe", "gateway-alias-7")["model"] == "gateway-alias-7"
    assert read(response("Safety: Safe", model="served-9"), "gateway-alias-7")["model"] == "served-9"
    assert read(response("Safety: Safe", model=5), "gateway-alias-7")["model"] == "gateway-alias-7"


@pytest.mark.parametrize(
    ("unsafe", "safe"),
    [("Unsafe", [True, True, False]), ("unsafe, controversial", [True, False, False])],
)
def test_what_counts_as_unsafe(unsafe: str, safe: list[bool]) -> None:
    counted = guard_model.read_unsafe_levels(unsafe)
    assert [read(f"Safety: {name}", unsafe=tuple(counted))["safe"] for name in guard_model.SAFETIES] == safe


@pytest.mark.parametrize("unsafe", [("Unsafe",), ["UNSAFE "], {"Unsafe"}])
def test_names_of_verdicts(unsafe: Any) -> None:
    assert guard_model.read_unsafe_levels(unsafe) == {"Unsafe"}


@pytest.mark.parametrize(
    "unsafe",
    ["", [], None, "Safe", "Controversial", "Unsafe, Safe", ["Unsafe", "Dangerous"], {"Unsafe": 1}, 5, b"Unsafe"],
)
def test_names_that_would_let_unsafe_content_pass(unsafe: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="unsafe_levels must be 'Unsafe', or both 'Unsafe' and 'Controversial'"
    ):
        guard_model.read_unsafe_levels(unsafe)


def test_what_is_judged() -> None:
    assert guard_model.build_conversation(USER["content"], None, None) == [USER]
    assert guard_model.build_conversation(USER["content"], ASSISTANT["content"], None) == [USER, ASSISTANT]
    assert guard_model.build_conversation(None, None, [USER, ASSISTANT]) == [USER, ASSISTANT]
    parts = [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]
    assert guard_model.build_conversation(None, None, parts) == parts


@pytest.mark.parametrize(
    ("text", "answer", "messages", "says"),
    [
        (None, None, None, "There is nothing to check: give text, or messages"),
        (None, "With a whetstone.", None, "There is nothing to check"),
        ("", None, None, "text must not be empty"),
        (" \n\t", None, None, "text must not be empty"),
        ({"a": 1}, None, None, "text must be a text, not a value of type dict"),
        ("Why?", "", None, "answer must not be empty"),
        ("Why?", {"choices": []}, None, "answer must be a text, not a value of type dict"),
        ("Why?", None, [USER], "either text and answer or messages, not both"),
        (None, "Because.", [USER], "either text and answer or messages, not both"),
        (None, None, [{"role": "user", "content": " "}], "the last of the messages must not be empty"),
        (None, None, [USER, {"role": "assistant", "content": None}], "the last of the messages must be a text"),
        (None, None, [{"role": "user", "content": []}], "the last of the messages must not be empty"),
        (None, None, [USER, {"role": "tool", "content": "5"}], "must be of the role user or assistant, not 'tool'"),
        (None, None, [USER, {"role": "system", "content": "5"}], "must be of the role user or assistant"),
        (
            None,
            None,
            [{"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url"}]}],
            "holds more than text",
        ),
        (None, None, [{"role": "user", "content": ["Why?"]}], "holds more than text"),
    ],
)
def test_what_cannot_be_judged(text: Any, answer: Any, messages: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        guard_model.build_conversation(text, answer, messages)


@pytest.mark.parametrize("messages", [[], "Why?", {"role": "user"}, 5, ["Why?"]])
def test_messages_of_another_shape_are_refused_as_any_chat_s_are(messages: Any) -> None:
    with pytest.raises(ConfigurationError, match="messages"):
        chat_request.chat(guard_model.MODEL, guard_model.build_conversation(None, None, messages))


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("Safety: Safe\nCategories: None", "Safe"),
        ("Safety: Unsafe\nCategories: Violent, PII", "Unsafe (Violent, PII)"),
        ("Safety: Unsafe\nCategories: Violent, Mrs Miller said so, and I", "Unsafe (Violent, 2 unknown)"),
    ],
)
def test_a_verdict_in_few_words_has_none_of_what_was_judged(text: str, summary: str) -> None:
    assert guard_model.describe_verdict(read(text)) == summary


def test_a_category_of_any_length_is_cut() -> None:
    assert read(f"Safety: Unsafe\nCategories: {'x' * 5_000}")["categories"] == ["x" * 100]


@given(st.text(st.sampled_from("SafetyUnsaf:\uff1aCotrvli \n*<>/thinkNoe,"), max_size=60))
def test_any_answer_is_a_verdict_or_an_error(text: str) -> None:
    try:
        verdict = read(text)
    except InvalidResponseError:
        return
    assert verdict["safety"] in guard_model.SAFETIES


@given(st.text(max_size=40), st.text(max_size=40))
def test_extra_text_does_not_change_an_unsafe_verdict(before: str, after: str) -> None:
    try:
        verdict = read(f"{before}\nSafety: Unsafe\n{after}")
    except InvalidResponseError:
        return
    assert not verdict["safe"]
