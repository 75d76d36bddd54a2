"""
Which failures have the next model asked.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.client.chat.fallback import list_models, should_fall_back, warns_of_deprecation
from apache_airflow_provider_ovhcloud_ai.hooks.airflow_errors import to_airflow_error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (errors.NotFoundError("Model not found: the host says: no model 'x'.", status=404), True),
        (errors.NotFoundError("404 Not Found: the host refused. Check the base URL.", status=404), False),
        (errors.BadRequestError("410 Gone", status=410), True),
        (errors.BadRequestError("x", status=400, detail="The model 'x' has been decommissioned"), True),
        (errors.BadRequestError("x", status=400, detail="'temperature' is deprecated"), False),
        (errors.BadRequestError("x", status=400, detail="model: must be a text"), False),
        (errors.BadRequestError("x", status=400), False),
        (errors.RateLimitError("x", status=429), True),
        (errors.APIStatusError("x", status=500), True),
        (errors.APIStatusError("x", status=503), True),
        (errors.APIStatusError("x", status=529), True),
        (errors.APIStatusError("x", status=424), True),
        (errors.APIStatusError("x", status=498), True),
        (errors.NotFoundError("x", status=400, detail="Invalid model name passed in model=x"), True),
        (errors.NotFoundError("x", status=404, code="DeploymentNotFound"), True),
        (errors.AuthenticationError("x", status=403, detail="no access to this model"), True),
        (errors.BadRequestError("x", status=404, detail="This is not a chat model"), False),
        # All models share the credit.
        (errors.QuotaExceededError("x", status=429), False),
        (errors.APIStatusError("x", status=499), False),
        # May have been answered, and paid.
        (errors.APIStatusError("x", status=504), False),
        (errors.APIStatusError("x", status=408), False),
        (errors.APITimeoutError("x"), False),
        # Another model is behind the same wall.
        (errors.AuthenticationError("x", status=401), False),
        (errors.APIConnectionError("x", kind="dns"), False),
        (errors.ConfigurationError("x"), False),
        (errors.OutputTruncatedError("x"), False),
    ],
)
def test_what_has_the_next_model_asked(error: errors.AIEndpointsError, passes: bool) -> None:
    assert should_fall_back(error) is passes
    assert should_fall_back(to_airflow_error(error, fail_fast=True)) is passes


@pytest.mark.parametrize(
    ("warning", "ends"),
    [
        (None, False),
        ("", False),
        ("maintenance tonight", False),
        ("This model is deprecated and will be redirected to gpt-oss-120b", True),
    ],
)
def test_which_warnings_announce_the_end_of_a_model(warning: str | None, ends: bool) -> None:
    assert warns_of_deprecation(warning) is ends


@pytest.mark.parametrize(
    ("others", "models"),
    [(None, ["a"]), ([], ["a"]), ("b", ["a", "b"]), (["b", "a", "c", "b"], ["a", "b", "c"]), (("b",), ["a", "b"])],
)
def test_models_in_their_order(others: Any, models: list[str]) -> None:
    assert list_models("a", others) == models


@pytest.mark.parametrize(
    ("others", "sentence"), [(7, "must be a list of model ids"), (["b", None], r"fallback_models\[1\]")]
)
def test_what_is_no_list_of_models(others: Any, sentence: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=sentence):
        list_models("a", others)
