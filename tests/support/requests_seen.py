"""
What the sandbox was sent.
"""

from __future__ import annotations

from typing import Any

from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox


def list_model_requests(sandbox: Sandbox) -> list[Any]:
    """Return the requests to models, without those for the list of models, which a task reads for its price."""
    return [request for request in sandbox.requests if request.path != "/v1/models"]


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request.json for request in list_model_requests(sandbox)]


def last_body(sandbox: Sandbox) -> dict[str, Any]:
    return bodies(sandbox)[-1]
