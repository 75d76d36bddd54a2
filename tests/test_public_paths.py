"""
Paths that DAGs import, that Airflow's database stores, or that entry points name, don't change.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import resolve_name

import pytest
from apache_airflow_provider_ovhcloud_ai.provider_info import get_provider_info
from apache_airflow_provider_ovhcloud_ai.triggers.batch import OVHCloudAIEndpointsBatchTrigger

pytestmark = pytest.mark.airflow

PACKAGE = "apache_airflow_provider_ovhcloud_ai"
PREFIX = "OVHCloudAIEndpoints"
OPERATORS = "Batch BulkChat ChatCompletions Chat Embedding Guard Image Models Response Transcription"
PATHS = {
    "decorators": ["ovh_batch", "ovh_bulk_chat", "ovh_chat", "ovh_embed", "ovh_guard"],
    "errors": [
        *["AIEndpointsError", "APIConnectionError", "APIStatusError", "APITimeoutError", "AuthenticationError"],
        *["BadRequestError", "BudgetExceededError", "ConfigurationError", "InvalidInputError", "InvalidOutputError"],
        *["InvalidResponseError", "NotFoundError", "OutputTruncatedError", "PartialFailureError", "RateLimitError"],
        *["ToolError", "UnsafeContentError"],
    ],
    "hooks.ai_endpoints": [f"{PREFIX}Hook"],
    "operators.ai_endpoints": [f"{PREFIX}{name}Operator" for name in OPERATORS.split()],
    "provider_info": ["get_provider_info"],
    "sandbox": ["Sandbox"],
    "sandbox.pytest_plugin": ["ovh_ai_endpoints_sandbox", "ovh_ai_endpoints_connection"],
    "sensors.batch": [f"{PREFIX}BatchSensor"],
    "sensors.model": [f"{PREFIX}ModelSensor"],
    "triggers.batch": [f"{PREFIX}BatchTrigger"],
    "ui.console.plugin": [f"{PREFIX}Plugin"],
    "ui.links": ["ConsoleLink", "ModelCardLink", "PlaygroundLink", "UsageLink"],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PATHS.items() for name in names])
def test_path_is_importable(module: str, name: str) -> None:
    assert hasattr(import_module(f"{PACKAGE}.{module}"), name)


@pytest.mark.parametrize("module", ["hooks.common_ai", "retry_policy"])
def test_path_of_what_some_releases_lack_exists(module: str) -> None:
    assert find_spec(f"{PACKAGE}.{module}") is not None


def test_stored_triggers_name_their_class() -> None:
    path, _ = OVHCloudAIEndpointsBatchTrigger(["batch-1"], "conn", 60.0).serialize()
    assert path == f"{PACKAGE}.triggers.batch.{PREFIX}BatchTrigger"


def test_paths_in_the_provider_info_exist() -> None:
    paths = [word for word in json.dumps(get_provider_info()).split('"') if word.startswith(f"{PACKAGE}.")]
    assert len(paths) > 5
    assert all(resolve_name(path) for path in paths)


def test_entry_points_load() -> None:
    own = [
        point
        for group in ("apache_airflow_provider", "airflow.plugins")
        for point in entry_points(group=group)
        if point.value.startswith(PACKAGE)
    ]
    assert sorted(point.group for point in own) == ["airflow.plugins", "apache_airflow_provider"]
    assert all(point.load() for point in own)
