"""
Each public class says whether it may be used from several threads.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints

PACKAGE = "apache_airflow_provider_ovhcloud_ai"

#: Modules whose classes are all for authors, or for Airflow.
MODULES = (
    "decorators.chat",
    "decorators.embedding",
    "errors",
    "hooks.ai_endpoints",
    "hooks.common_ai",
    "retry_policy",
    "sensors.batch",
    "sensors.model",
    "triggers.batch",
    "ui.links",
)

#: Classes of other modules that they name, or are given where no annotation says so.
CLASSES = {
    "client.http.sync_client": "Client",
    "client.http.async_client": "AsyncClient",
    "client.media.image_generation": "GeneratedImages",
    "connection.settings": "ConnectionSettings",
    "hooks.usage.usage_tracker": "UsageTracker",
    "sandbox": "Sandbox",
    "ui.console.plugin": "OVHCloudAIEndpointsPlugin",
}

#: One wording, which can be searched for.
SAYS = re.compile(r"\b(Safe|safe|Not safe) to use from several threads\b")


def is_ours(value: Any) -> bool:
    return inspect.isclass(value) and value.__module__.startswith(PACKAGE) and not value.__name__.startswith("_")


def named() -> Iterator[type]:
    yield from (getattr(ai_endpoints, name) for name in ai_endpoints.__all__)
    yield from (getattr(import_module(f"{PACKAGE}.{module}"), name) for module, name in CLASSES.items())
    for name in MODULES:
        try:
            module = import_module(f"{PACKAGE}.{name}")
        except ImportError:
            # They say themselves what they need: another provider, or Airflow 3.3.
            assert name in {"hooks.common_ai", "retry_policy"}
            continue
        yield from (each for each in vars(module).values() if is_ours(each) and each.__module__ == module.__name__)


def given_by(owner: type) -> set[type]:
    """
    Classes of what the fields, properties and methods of a class give.
    """
    kinds = [
        (kind, vars(inspect.getmodule(owner)))
        for name, kind in inspect.get_annotations(owner).items()
        if not name.startswith("_")
    ]
    for name, member in inspect.getmembers(owner):
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and not name.startswith("_"):
            kinds.append((function.__annotations__.get("return"), function.__globals__))
    return {each for kind, names in kinds for word in re.findall(r"\w+", str(kind)) if is_ours(each := names.get(word))}


def public() -> list[type]:
    found, left = set(), set(named())
    while left:
        found |= left
        left = {given for each in left for given in given_by(each)} - found
    return sorted(found, key=lambda each: (each.__module__, each.__name__))


def test_what_is_given_is_public_too() -> None:
    assert {
        "ChatAnswer",
        "ChatStream",
        "ClientSettings",
        "Conversation",
        "GeneratedImage",
        "Outcome",
        "UsageTracker",
    } <= {each.__name__ for each in public()}


@pytest.mark.parametrize("each", [pytest.param(each, id=f"{each.__module__}.{each.__name__}") for each in public()])
def test_a_public_class_says_whether_threads_may_share_it(each: type) -> None:
    assert SAYS.search(" ".join((vars(each)["__doc__"] or "").split()))
