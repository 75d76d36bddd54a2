"""
The hook that Airflow returns for a connection: with agents if Airflow's own AI provider is installed.
"""

from __future__ import annotations

from typing import Any

NAME = "OVHCloudAIEndpointsHook"


def __getattr__(name: str) -> Any:
    # Imported lazily: the AI provider takes long to import, and most users of the hook don't need it.
    if name != NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .common_ai import OVHCloudAIEndpointsCommonAIHook as hook_class
    except ImportError:
        from .ai_endpoints import OVHCloudAIEndpointsHook as hook_class  # type: ignore[assignment]  # its base
    globals()[name] = hook_class
    return hook_class
