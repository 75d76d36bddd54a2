from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.json_body import MAX_JSON_DEPTH, read_json


@pytest.mark.parametrize(("depth", "fine"), [(MAX_JSON_DEPTH, True), (MAX_JSON_DEPTH + 1, False), (100_000, False)])
@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ('{"a":', "}")])
def test_json_is_read_down_to_a_depth(depth: int, fine: bool, open_: str, close: str) -> None:
    assert read_json((open_ * depth + "1" * (open_ != "[") + close * depth).encode())[0] is fine


def test_many_lists_are_not_deep_ones() -> None:
    assert read_json(b"[" + b"[1]," * 1_000 + b"[]]")[0]
