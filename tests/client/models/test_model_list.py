from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http import http_request
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.models.model_list import check_models, parse_models
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError


def test_list_of_models() -> None:
    assert model_list.models() == http_request.Request("GET", "/models", "list of models")


MODELS = model_list.models()


RESPONSE = HTTPResponse(200, {"x-request-id": "r-1"}, b"")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": "m"},
        {"data": ["m"]},
        {"data": [{"id": 5}]},
        {"data": [{"id": "a"}, {}]},
    ],
)
def test_models_that_are_none(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError, match="it has no list 'data' of models with an id"):
        check_models(value, RESPONSE, MODELS)


def test_models_that_are() -> None:
    assert check_models({"data": []}, RESPONSE, MODELS) == []
    assert check_models({"data": [{"id": "a", "x": 1}]}, RESPONSE, MODELS) == [{"id": "a", "x": 1}]


def test_bare_list_of_models_is_read() -> None:
    settings = ClientSettings(base_url="https://service.example/v1")
    response = HTTPResponse(200, {"content-type": "application/json"}, b'[{"id": "a"}, {"id": "b"}]')
    assert parse_models(response, MODELS, settings) == [{"id": "a"}, {"id": "b"}]
    for body in (b"[]", b"[1]", b'[{"name": "a"}]', b'[{"error": {"message": "no"}}]'):
        with pytest.raises(InvalidResponseError):
            parse_models(HTTPResponse(200, {}, body), MODELS, settings)
