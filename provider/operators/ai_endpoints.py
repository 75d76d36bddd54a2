"""
All operators of this provider. Each is imported at its first use (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch import OVHCloudAIEndpointsBatchOperator as OVHCloudAIEndpointsBatchOperator
    from .bulk_chat import OVHCloudAIEndpointsBulkChatOperator as OVHCloudAIEndpointsBulkChatOperator
    from .chat import OVHCloudAIEndpointsChatCompletionsOperator as OVHCloudAIEndpointsChatCompletionsOperator
    from .chat import OVHCloudAIEndpointsChatOperator as OVHCloudAIEndpointsChatOperator
    from .embedding import OVHCloudAIEndpointsEmbeddingOperator as OVHCloudAIEndpointsEmbeddingOperator
    from .guard import OVHCloudAIEndpointsGuardOperator as OVHCloudAIEndpointsGuardOperator
    from .image import OVHCloudAIEndpointsImageOperator as OVHCloudAIEndpointsImageOperator
    from .models import OVHCloudAIEndpointsModelsOperator as OVHCloudAIEndpointsModelsOperator
    from .response import OVHCloudAIEndpointsResponseOperator as OVHCloudAIEndpointsResponseOperator
    from .transcription import OVHCloudAIEndpointsTranscriptionOperator as OVHCloudAIEndpointsTranscriptionOperator

_MODULES = {
    "OVHCloudAIEndpointsBatchOperator": ".batch",
    "OVHCloudAIEndpointsBulkChatOperator": ".bulk_chat",
    "OVHCloudAIEndpointsChatCompletionsOperator": ".chat",
    "OVHCloudAIEndpointsChatOperator": ".chat",
    "OVHCloudAIEndpointsEmbeddingOperator": ".embedding",
    "OVHCloudAIEndpointsGuardOperator": ".guard",
    "OVHCloudAIEndpointsImageOperator": ".image",
    "OVHCloudAIEndpointsModelsOperator": ".models",
    "OVHCloudAIEndpointsResponseOperator": ".response",
    "OVHCloudAIEndpointsTranscriptionOperator": ".transcription",
}

__all__ = [
    "OVHCloudAIEndpointsBatchOperator",
    "OVHCloudAIEndpointsBulkChatOperator",
    "OVHCloudAIEndpointsChatCompletionsOperator",
    "OVHCloudAIEndpointsChatOperator",
    "OVHCloudAIEndpointsEmbeddingOperator",
    "OVHCloudAIEndpointsGuardOperator",
    "OVHCloudAIEndpointsImageOperator",
    "OVHCloudAIEndpointsModelsOperator",
    "OVHCloudAIEndpointsResponseOperator",
    "OVHCloudAIEndpointsTranscriptionOperator",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __package__), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)
