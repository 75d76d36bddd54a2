"""
The hook that Airflow gives for a connection: where its own AI provider is installed, one that this takes as well.
"""

from __future__ import annotations

from typing import Any

NAME = "OVHCloudAIEndpointsHook"


def __getattr__(name: str) -> Any:
    # The AI provider takes long to import, and whoever imports our hook by its name needs nothing of it.
    if name != NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .common_ai import OVHCloudAIEndpointsCommonAIHook as found
    except ImportError:
        from .ai_endpoints import OVHCloudAIEndpointsHook as found  # type: ignore[assignment]  # its base
    globals()[name] = found
    return found
