"""
All operators of this provider. Each is imported at its first use (PEP 562).

``bulk_chat.py`` defines ``OVHCloudAIEndpointsBulkChatOperator``, and so on.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
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
    f"OVHCloudAIEndpoints{each.name.title().replace('_', '')}Operator": f".{each.name}"
    for each in iter_modules([str(Path(__file__).parent)])
    if each.name[0] != "_" and each.name != "ai_endpoints"
}
# The name on OVHcloud's product page.
_MODULES["OVHCloudAIEndpointsChatCompletionsOperator"] = ".chat"

__all__ = sorted(_MODULES)  # noqa: PLE0605  (the names come from the files)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __package__), name)


def __dir__() -> list[str]:
    return __all__
