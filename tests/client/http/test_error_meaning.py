from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.client.http.error_meaning import (
    FORBIDDEN_MODEL,
    FORBIDDEN_NETWORK,
    FORBIDDEN_PAGE,
    FORBIDDEN_PAYMENT,
    Forbidden,
    choose_error_class,
    explain_forbidden,
    is_forbidden_model,
    is_missing_model,
)

USED_UP = errors.QuotaExceededError
MISSING = errors.NotFoundError


@pytest.mark.parametrize(
    ("status", "words", "code", "wait", "error_class"),
    [
        # The credit is used up: OpenAI, DeepSeek, OpenRouter, Anthropic, Moonshot, LiteLLM, Hugging Face.
        (429, "You exceeded your current quota, please check your plan", "insufficient_quota", None, USED_UP),
        (429, "You exceeded your current quota, please check your plan", None, None, USED_UP),
        (429, "Billing hard limit has been reached", "billing_hard_limit_reached", None, USED_UP),
        (402, "Insufficient Balance", "invalid_request_error", None, USED_UP),
        (403, "Insufficient credits. Add more", None, None, USED_UP),
        (402, "This request requires more credits, or fewer max_tokens", "402", None, USED_UP),
        (400, "Your credit balance is too low to access the API", "invalid_request_error", None, USED_UP),
        (429, "Your account is not active", "exceeded_current_quota_error", None, USED_UP),
        (400, "Budget has been exceeded! Current cost: 3, Max budget: 2", "budget_exceeded", None, USED_UP),
        (402, "You have exceeded your monthly included credits", None, None, USED_UP),
        # A rate, or a limit a day.
        (429, "Rate limit reached for requests", "rate_limit_exceeded", None, errors.RateLimitError),
        (429, "You exceeded your current quota. Please retry in 34.07s.", "429", None, errors.RateLimitError),
        (429, "You exceeded your current quota", "RESOURCE_EXHAUSTED", 34.0, errors.RateLimitError),
        (429, "Rate limit reached on requests per day (RPD): Limit 200", None, 432.0, errors.RateLimitError),
        (429, "Rate limit exceeded: free-models-per-day. Add 10 credits", None, None, errors.RateLimitError),
        # No such model: vLLM, OpenRouter, DeepSeek, Mistral, LiteLLM, OpenAI, Azure.
        (404, "The model `x` does not exist.", "NotFoundError", None, MISSING),
        (400, "x is not a valid model ID", "400", None, MISSING),
        (400, "Model Not Exist", "invalid_request_error", None, MISSING),
        (400, "Invalid model: x", "1500", None, MISSING),
        (400, "{'error': '/chat/completions: Invalid model name passed in model=x.'}", "400", None, MISSING),
        (403, "Project `p` does not have access to model `x`", "model_not_found", None, MISSING),
        (404, "The API deployment for this resource does not exist.", "DeploymentNotFound", None, MISSING),
        # It has the model, but not for this.
        (404, "This is not a chat model and thus not supported", None, None, errors.BadRequestError),
        (404, "The model `x` does not support embeddings", None, None, errors.BadRequestError),
        (400, "The model `x` does not support tools", None, None, errors.BadRequestError),
        (400, "Model input: image not found", None, None, errors.BadRequestError),
        (403, "Your key may not use this model", None, None, errors.AuthenticationError),
        (424, "Request failed during generation", "generation", None, errors.APIStatusError),
        (500, "insufficient balance", None, None, errors.APIStatusError),
    ],
)
def test_class_of_an_error(
    status: int, words: str, code: str | None, wait: float | None, error_class: type[errors.APIStatusError]
) -> None:
    chosen = choose_error_class(status, words, code, wait)
    assert chosen is error_class
    assert is_missing_model(chosen(words, status=status, code=code, detail=words)) is (error_class is MISSING)


def test_missing_path_is_not_a_missing_model() -> None:
    assert not is_missing_model(errors.NotFoundError("404 Not Found: the host refused the list of models.", status=404))
    assert is_missing_model(errors.NotFoundError("Model not found: 'x' (404): the host refused.", status=404))


@pytest.mark.parametrize(
    ("words", "is_page", "reason"),
    [
        ("Resource tag 'discovery' is forbidden", False, FORBIDDEN_PAYMENT),
        ("Please add a payment method", False, FORBIDDEN_PAYMENT),
        ("You may not use the model x", False, FORBIDDEN_MODEL),
        ("Country, region, or territory not supported", False, FORBIDDEN_NETWORK),
        ("IP 10.0.0.1 is not on the list", False, FORBIDDEN_NETWORK),
        ("", True, FORBIDDEN_PAGE),
        ("Forbidden", False, None),
        ("Invalid API token", False, None),
    ],
)
def test_reason_of_a_403(words: str, is_page: bool, reason: Forbidden | None) -> None:
    assert explain_forbidden(words, is_page=is_page) is reason
    error = errors.AuthenticationError("403", status=403, detail=words)
    assert is_forbidden_model(error) is (reason is FORBIDDEN_MODEL)
