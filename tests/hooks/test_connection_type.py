from __future__ import annotations

import pytest
from support.common_ai import ABSENT, run_python

pytestmark = pytest.mark.airflow


def test_without_that_provider_airflow_gives_our_hook() -> None:
    code = ABSENT + (
        "from apache_airflow_provider_ovhcloud_ai.hooks import ai_endpoints, connection_type\n"
        "print(connection_type.OVHCloudAIEndpointsHook is ai_endpoints.OVHCloudAIEndpointsHook)"
    )
    assert run_python(code) == "True"


def test_the_type_has_no_other_class() -> None:
    from apache_airflow_provider_ovhcloud_ai.hooks import connection_type

    with pytest.raises(AttributeError, match="has no attribute 'Other'"):
        _ = connection_type.Other
