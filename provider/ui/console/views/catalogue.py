"""
Prices and kinds of models from OVHcloud's public catalogue, which needs no token.

Only the page reads it, never a task. ``[ovhcloud_ai_endpoints] catalogue_url`` in Airflow's configuration sets
another address; a blank one switches the catalogue off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ....client.http import http_request
from ....client.http.json_body import read_json
from ....client.http.sync_client import Client
from ....client.settings import ClientSettings, clean_base_url, read_network_settings
from ....errors import AIEndpointsError, ConfigurationError
from .models import Price

log = logging.getLogger(__name__)

#: Public list of all models. Source: AI Endpoints catalogue API guide, 2026-07; OVHcloud says that it may change.
URL = "https://catalog.endpoints.ai.ovh.net/rest/v1/models_v2"

#: Seconds until the request times out, and for which its response is cached.
TIMEOUT_S = 3.0
CACHE_S = 3_600.0

_lock = threading.Lock()
_cache: tuple[float, dict[str, dict[str, Any]]] | None = None


def read_catalogue() -> dict[str, dict[str, Any]]:
    """
    Read the catalogue, at most once an hour.

    :return: ``kind`` and ``price`` by model id; empty if the catalogue is switched off or not available
    """
    global _cache  # noqa: PLW0603  (one a process)
    with _lock:
        if _cache is None or time.monotonic() - _cache[0] > CACHE_S:
            _cache = time.monotonic(), _request_entries()
        return _cache[1]


def forget() -> None:
    """
    Clear the cache, so that the next call reads the catalogue again.
    """
    global _cache  # noqa: PLW0603  (one a process)
    _cache = None


def _address() -> str:
    from airflow.configuration import conf

    return (conf.get("ovhcloud_ai_endpoints", "catalogue_url", fallback=URL) or "").strip()


def _request_entries() -> dict[str, dict[str, Any]]:
    address = _address()
    if not address:
        return {}
    try:
        base_url = clean_base_url(address)
        settings = replace(ClientSettings(timeout=TIMEOUT_S), base_url=base_url, **read_network_settings(base_url))
        with Client(settings) as client:
            response = client.exchange(http_request.Request("GET", "", "public catalogue"))
    except (AIEndpointsError, ConfigurationError) as error:
        log.info("Prices are those that the service lists: %s", error)
        return {}
    _, value = read_json(response.body)
    return read_entries(value) if response.status == 200 else {}


def read_entries(value: Any) -> dict[str, dict[str, Any]]:
    """
    Read kinds and prices from the catalogue's JSON, ignoring entries of an unexpected form.

    :param value: the JSON
    :return: ``kind`` and ``price`` by model id; only those that the entry has
    """
    entries = {}
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            fields = {"kind": _kind(entry), "price": _price(entry)}
            entries[entry["name"]] = {name: item for name, item in fields.items() if item is not None}
    return entries


def _kind(entry: Mapping[str, Any]) -> str | None:
    category = str(entry.get("category", "")).lower()
    modalities = _at(entry, "metadata", "model_specs", "capabilities", "input_modality")
    if "guard" in category:
        return "guard"
    if "embedding" in category:
        return "embedding"
    if "speech" in category or "audio" in category:
        return "speech"
    if "image generation" in category:
        return "image"
    if isinstance(modalities, list) and "image" in modalities:
        return "vision"
    return "chat" if "llm" in category or "language" in category else None


def _price(entry: Mapping[str, Any]) -> Price | None:
    pricing = _at(entry, "metadata", "usage_information", "pricing")
    by_unit = {
        item.get("price_unit"): item.get("price")
        for item in (pricing if isinstance(pricing, list) else [])
        if isinstance(item, Mapping) and isinstance(item.get("price_unit"), str)
    }
    tokens_in, tokens_out = (_number(by_unit.get(f"million_{way}_tokens")) for way in ("input", "output"))
    if tokens_in is None and tokens_out is None:
        return None
    return Price(tokens_in, tokens_out, "EUR", "catalogue")


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 1_000_000 else None


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
