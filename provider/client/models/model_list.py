"""
The list of models: builds the request and checks the response. Pure.
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidResponseError
from ..http.http_request import Request
from ..http.http_response import HTTPResponse, _misshaped, facts, parse
from ..settings import ClientSettings


def models() -> Request:
    """
    Build the request for the list of models.

    :return: the request
    """
    return Request("GET", "/models", "list of models")


def parse_models(response: HTTPResponse, request: Request, settings: ClientSettings) -> list[dict[str, Any]]:
    """
    Read the models of a response. Together sends a bare list of them.

    :param response: the response
    :param request: its request
    :param settings: as for :func:`.http_response.parse`
    :return: the models, each with its ``id``
    :raises InvalidResponseError: if it isn't a list of objects with an id
    """
    value = parse(response, request, settings, list_name="data")
    data = value.get("data")
    if not isinstance(data, list) or not all(isinstance(m, dict) and isinstance(m.get("id"), str) for m in data):
        raise InvalidResponseError(
            f"{_misshaped(request)} it has no list 'data' of models with an id.", **facts(response)
        )
    return data
