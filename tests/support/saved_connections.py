"""
Connections to servers of the tests, and what is asked of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.scripted_server import Server

Make = Callable[..., OVHCloudAIEndpointsHook]
HELLO = [{"role": "user", "content": "Hello"}]
MODEL = "gpt-oss-20b"


def stored(service: Sandbox | Server, token: str = "sandbox-token", **fields: Any) -> dict[str, Any]:
    return {"conn_type": "ovh_ai_endpoints", "host": service.base_url, "password": token, **fields}
