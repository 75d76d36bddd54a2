"""
The provider information that Airflow discovers. Every Airflow process reads it, so it imports the field table only.
"""

from __future__ import annotations

from typing import Any

from . import __version__, defaults
from .connection.form import as_conn_fields, as_ui_field_behaviour

_PACKAGE = __name__.rpartition(".")[0]


def get_provider_info() -> dict[str, Any]:
    """
    Return the provider information to Airflow's entry point.

    :return: provider information as Airflow's ``provider_info.schema.json`` describes it
    """
    return {
        "package-name": defaults.PACKAGE_NAME,
        "name": defaults.SERVICE_NAME,
        "description": "Language, embedding, speech and image models of OVHcloud AI Endpoints.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": defaults.SERVICE_NAME,
                "external-doc-url": "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/",
                "tags": ["service"],
            }
        ],
        "connection-types": [
            {
                "connection-type": defaults.CONN_TYPE,
                "hook-class-name": f"{_PACKAGE}.hooks.connection_type.OVHCloudAIEndpointsHook",
                "hook-name": defaults.SERVICE_NAME,
                "ui-field-behaviour": as_ui_field_behaviour(),
                "conn-fields": as_conn_fields(),
            }
        ],
        "task-decorators": [
            {"name": "ovh_batch", "class-name": f"{_PACKAGE}.decorators.batch.ovh_batch"},
            {"name": "ovh_bulk_chat", "class-name": f"{_PACKAGE}.decorators.bulk_chat.ovh_bulk_chat"},
            {"name": "ovh_chat", "class-name": f"{_PACKAGE}.decorators.chat.ovh_chat"},
            {"name": "ovh_embed", "class-name": f"{_PACKAGE}.decorators.embedding.ovh_embed"},
            {"name": "ovh_guard", "class-name": f"{_PACKAGE}.decorators.guard.ovh_guard"},
        ],
        # 2.11 drops every link of an operator that has one not listed here.
        "extra-links": [
            f"{_PACKAGE}.ui.links.{name}" for name in ("ModelCardLink", "PlaygroundLink", "UsageLink", "ConsoleLink")
        ],
    }
