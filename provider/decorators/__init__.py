"""
``@task.ovh_chat`` and ``@task.ovh_embed`` under names that type checkers know. Each is imported at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chat import ovh_chat as ovh_chat
    from .embedding import ovh_embed as ovh_embed

_MODULES = {"ovh_chat": ".chat", "ovh_embed": ".embedding"}

__all__ = ["ovh_chat", "ovh_embed"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __package__), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)
