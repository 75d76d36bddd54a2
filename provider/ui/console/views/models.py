"""
The models of a connection as rows: kind, context length and price. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from .... import defaults
from ....client.models.model_names import find_kind, find_model
from ....client.models.prices import find_price_fields, read_price_per_unit
from ....connection.settings import ConnectionSettings
from ....redaction import excerpts
from ... import links

#: Limits of a list: OVHcloud's has 24 models, with ids of 44 characters at most.
MAX_MODELS = 10_000
MAX_ID_CHARS = 200

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """
    The price of a million tokens.

    :param tokens_in: price of input tokens, None if unknown
    :param tokens_out: price of output tokens, None if unknown
    :param currency: such as ``USD``
    :param source: ``service`` or ``catalogue``
    """

    tokens_in: float | None
    tokens_out: float | None
    currency: str
    source: str


def rows(
    models: list[dict[str, Any]], settings: ConnectionSettings, catalogue: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """
    Convert the models that a service lists to rows of the page.

    :param models: as the service lists them, each with an ``id``
    :param settings: of the connection
    :param catalogue: entries of the public catalogue by model id; may be empty
    :return: fields of the page's JSON
    """
    uses = {"chat": settings.chat_model, "embedding": settings.embedding_model}
    defaults_by_use = {use: find_model(name, models) for use, name in uses.items() if name}
    models = models[:MAX_MODELS]
    ids = excerpts((model["id"] for model in models), settings.client.token, MAX_ID_CHARS)
    owners = excerpts(map(_owner, models), settings.client.token, MAX_ID_CHARS)
    return [
        {**_row(model, catalogue.get(model["id"], {}), defaults_by_use), "id": name, "owner": owner or None}
        | _addresses(model["id"], name, settings)
        for model, name, owner in zip(models, ids, owners, strict=True)
    ]


def _owner(model: Mapping[str, Any]) -> str:
    owner = model.get("owned_by")
    return owner if isinstance(owner, str) else ""


def _row(
    model: dict[str, Any], entry: Mapping[str, Any], defaults_by_use: Mapping[str, dict[str, Any] | None]
) -> dict[str, Any]:
    price = entry.get("price") or read_price(model)
    return {
        "kind": entry.get("kind") or kind(model),
        "context": _count(model.get("context_length")),
        "price_in": price.tokens_in if price else None,
        "price_out": price.tokens_out if price else None,
        "currency": price.currency if price else None,
        "price_source": price.source if price else None,
        "default": next((use for use, default in defaults_by_use.items() if default is model), None),
    }


def kind(model: Mapping[str, Any]) -> str | None:
    """
    Find the kind of a model from its entry in the list.

    :param model: as the service lists it
    :return: ``chat``, ``vision``, ``embedding``, ``speech``, ``image`` or ``guard``; None if the entry names none
    """
    name = str(model["id"]).lower()
    listed_kind = find_kind(model)
    if listed_kind == "chat" and "guard" in name:
        return "guard"
    return "vision" if listed_kind == "chat" and "-vl-" in f"{name}-" else listed_kind


def read_price(model: Mapping[str, Any]) -> Price | None:
    """
    Read a model's price from its entry in the list.

    :param model: as the service lists it, with strings in ``pricing``, each the price of one token
    :return: the price, or None. A price of zero is None too: the list has it for speech and images, which are billed
        by the second or the image
    """
    pricing, currency = find_price_fields(model)
    tokens_in, tokens_out = (per_million(pricing.get(name)) for name in ("prompt", "completion"))
    if currency is None or not (tokens_in or tokens_out):
        return None
    return Price(tokens_in, tokens_out, currency, "service")


def per_million(value: Any) -> float | None:
    """
    Convert the price of one token to that of a million.

    :param value: a number, or a string that holds one
    :return: the price, None if the value isn't one
    """
    price = read_price_per_unit(value)
    return None if price is None else float(price * _MILLION)


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 10**12 else None


def _addresses(model: str, display_id: str, settings: ConnectionSettings) -> dict[str, str | None]:
    # An id that was shortened or redacted for display doesn't belong in an address either.
    urls = links.urls(model, settings.client.base_url, settings.project_id) if model == display_id else {}
    return {
        "card": urls.get(links.ModelCardLink.xcom_key),
        "playground": urls.get(links.PlaygroundLink.xcom_key),
    }


def is_ovhcloud(settings: ConnectionSettings) -> bool:
    """
    Check if a connection leads to OVHcloud, directly or through a gateway.

    :param settings: of the connection
    :return: True if its host is OVHcloud's, or if it has a project id
    """
    return bool(settings.project_id) or defaults.is_ovhcloud(urlsplit(settings.client.base_url).hostname or "")


def price_note(model_rows: list[dict[str, Any]], day: str) -> str:
    """
    Describe the prices: currency, unit, source and date.

    :param model_rows: as :func:`rows` returns them
    :param day: date of the list, in ISO 8601
    :return: the text after "Prices:"
    """
    source_texts = {
        "service": "as the service lists them",
        "catalogue": "as OVHcloud's public catalogue lists them, without VAT",
    }
    kinds = sorted({(row["currency"], row["price_source"]) for row in model_rows if row["currency"]})
    if not kinds:
        return "none that the service lists"
    parts = [f"{currency} per million tokens, {source_texts[source]}" for currency, source in kinds]
    return f"{'; or '.join(parts)}, read {day}"
