from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http import http_request
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError

CIRCULAR: dict[str, Any] = {}
CIRCULAR["self"] = CIRCULAR


def test_requests_have_a_largest_size() -> None:
    def sized(content: Any) -> http_request.Request:
        return chat_request.chat("m", [{"role": "user", "content": content}])

    overhead = len(sized("").content or b"")
    assert len(sized("x" * (defaults.MAX_REQUEST_BYTES - overhead)).content or b"") == defaults.MAX_REQUEST_BYTES
    with pytest.raises(ConfigurationError, match="is 2,000,001 bytes; the service accepts 2,000,000"):
        sized("x" * (defaults.MAX_REQUEST_BYTES - overhead + 1))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5_000_000}}
    assert sized([picture])
    with pytest.raises(ConfigurationError, match="the service accepts 10,000,000"):
        sized([picture] * 2 + [{"type": "text", "text": "x" * 10}])
