from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http import http_request
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.models.model_list import parse_models
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError


def test_list_of_models() -> None:
    assert model_list.models() == http_request.Request("GET", "/models", "list of models")


MODELS = model_list.models()


SETTINGS = ClientSettings(base_url="https://service.example/v1")


def read(value: Any) -> Any:
    return parse_models(HTTPResponse(200, {"x-request-id": "r-1"}, json.dumps(value).encode()), MODELS, SETTINGS)


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
        read(value)


def test_models_that_are() -> None:
    assert read({"data": []}) == []
    assert read({"data": [{"id": "a", "x": 1}]}) == [{"id": "a", "x": 1}]


def test_bare_list_of_models_is_read() -> None:
    assert read([{"id": "a"}, {"id": "b"}]) == [{"id": "a"}, {"id": "b"}]
    for value in ([], [1], [{"name": "a"}], [{"error": {"message": "no"}}]):
        with pytest.raises(InvalidResponseError):
            read(value)
