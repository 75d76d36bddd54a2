"""
What Airflow discovers: valid by its schemas, every path importable, and as cheap as promised.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from apache_airflow_provider_ovhcloud_ai import __version__, decorators, defaults
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators._base import AIEndpointsOperator
from apache_airflow_provider_ovhcloud_ai.provider_info import get_provider_info

pytestmark = pytest.mark.airflow


def schema(name: str) -> dict[str, Any] | None:
    file = Path(import_module("airflow").__file__ or "").parent / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def test_it_is_valid_by_the_schema_that_airflow_checks() -> None:
    errors = schema("provider_info.schema.json")
    assert errors
    jsonschema.validate(get_provider_info(), errors)


def test_its_connection_type_is_valid_by_the_stricter_schema_of_providers() -> None:
    errors = schema("provider.yaml.schema.json")
    connection_types = (errors or {}).get("properties", {}).get("connection-types")
    if connection_types is None or "conn-fields" not in json.dumps(connection_types):
        assert import_module("airflow").__version__ < "3.2", "this release knows conn-fields"
        return
    jsonschema.validate(get_provider_info()["connection-types"], connection_types)


def test_every_path_leads_to_a_class() -> None:
    info = get_provider_info()
    for path in [info["connection-types"][0]["hook-class-name"], *info["extra-links"]]:
        module, _, name = path.rpartition(".")
        assert isinstance(getattr(import_module(module), name), type)


def test_every_decorator_is_what_airflow_calls() -> None:
    listing = get_provider_info()["task-decorators"]
    assert [each["name"] for each in listing] == decorators.__all__
    for each in listing:
        module, _, name = each["class-name"].rpartition(".")
        assert getattr(import_module(module), name) is getattr(decorators, each["name"])


def test_every_link_of_an_operator_is_listed() -> None:
    link_paths = {f"{type(link).__module__}.{type(link).__name__}" for link in AIEndpointsOperator.operator_extra_links}
    assert link_paths == set(get_provider_info()["extra-links"])


def test_names_are_the_same_everywhere() -> None:
    info = get_provider_info()
    assert info["package-name"] == metadata.distribution(defaults.PACKAGE_NAME).name
    assert not info["package-name"].startswith("apache-airflow")
    assert info["versions"] == [__version__] == [metadata.version(defaults.PACKAGE_NAME)]
    kind = info["connection-types"][0]
    hook = OVHCloudAIEndpointsHook
    assert (kind["connection-type"], kind["hook-name"]) == (hook.conn_type, hook.hook_name)


def test_reading_it_imports_nothing_else() -> None:
    code = """
import sys
before = set(sys.modules)
from apache_airflow_provider_ovhcloud_ai.provider_info import get_provider_info
get_provider_info()
print(sorted(name for name in set(sys.modules) - before if "airflow" in name))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    package = "apache_airflow_provider_ovhcloud_ai"
    modules = ("", ".compat", ".defaults", ".provider_info", ".connection", ".connection.fields", ".connection.form")
    assert set(eval(done.stdout)) <= {package + module for module in modules}
