"""
``@task.ovh_chat`` and the other decorators under names that type checkers know. Each is imported at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch import ovh_batch as ovh_batch
    from .bulk_chat import ovh_bulk_chat as ovh_bulk_chat
    from .chat import ovh_chat as ovh_chat
    from .embedding import ovh_embed as ovh_embed
    from .guard import ovh_guard as ovh_guard

_MODULES = {
    "ovh_batch": ".batch",
    "ovh_bulk_chat": ".bulk_chat",
    "ovh_chat": ".chat",
    "ovh_embed": ".embedding",
    "ovh_guard": ".guard",
}

__all__ = ["ovh_batch", "ovh_bulk_chat", "ovh_chat", "ovh_embed", "ovh_guard"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __package__), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)
