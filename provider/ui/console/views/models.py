"""
The models of a connection as rows: what each is for, how much it reads, what it costs. Pure.
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

#: Models and characters of an id that the page takes: OVHcloud lists 24, of 44 characters at most.
MAX_MODELS = 10_000
ID_LENGTH = 200

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """
    What a million tokens cost.

    :param tokens_in: read by the model, None where that is not known
    :param tokens_out: written by it
    :param currency: such as ``USD``
    :param source: who says so: ``service`` or ``catalogue``
    """

    tokens_in: float | None
    tokens_out: float | None
    currency: str
    source: str


def rows(
    models: list[dict[str, Any]], settings: ConnectionSettings, catalogue: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """
    Describe the models that a service lists.

    :param models: as it lists them, each with an ``id``
    :param settings: of the connection
    :param catalogue: what the public catalogue says of a model, by its id; may be empty
    :return: fields of the page's JSON
    """
    uses = {"chat": settings.chat_model, "embedding": settings.embedding_model}
    wanted = {use: find_model(name, models) for use, name in uses.items() if name}
    shown = models[:MAX_MODELS]
    ids = excerpts((model["id"] for model in shown), settings.client.token, ID_LENGTH)
    owners = excerpts(map(_owner, shown), settings.client.token, ID_LENGTH)
    return [
        {**_row(model, catalogue.get(model["id"], {}), wanted), "id": name, "owner": owner or None}
        | _addresses(model["id"], name, settings)
        for model, name, owner in zip(shown, ids, owners, strict=True)
    ]


def _owner(model: Mapping[str, Any]) -> str:
    owner = model.get("owned_by")
    return owner if isinstance(owner, str) else ""


def _row(
    model: dict[str, Any], known: Mapping[str, Any], wanted: Mapping[str, dict[str, Any] | None]
) -> dict[str, Any]:
    price = known.get("price") or read_price(model)
    return {
        "kind": known.get("kind") or kind(model),
        "context": _count(model.get("context_length")),
        "price_in": price.tokens_in if price else None,
        "price_out": price.tokens_out if price else None,
        "currency": price.currency if price else None,
        "price_source": price.source if price else None,
        "default": next((use for use, found in wanted.items() if found is model), None),
    }


def kind(model: Mapping[str, Any]) -> str | None:
    """
    Tell what a listed model is for, as far as the list alone says so.

    :param model: as the service lists it
    :return: ``chat``, ``vision``, ``embedding``, ``speech``, ``image``, ``guard``, or None
    """
    name = str(model["id"]).lower()
    found = find_kind(model)
    if found == "chat" and "guard" in name:
        return "guard"
    return "vision" if found == "chat" and "-vl-" in f"{name}-" else found


def read_price(model: Mapping[str, Any]) -> Price | None:
    """
    Read the price in a list of models.

    :param model: as the service lists it, ``pricing`` in texts a token
    :return: the price of a million, or None. A price of nothing at all is none: speech and images are listed so, and
        are billed by the second or the piece
    """
    pricing, currency = find_price_fields(model)
    tokens_in, tokens_out = (per_million(pricing.get(name)) for name in ("prompt", "completion"))
    if currency is None or not (tokens_in or tokens_out):
        return None
    return Price(tokens_in, tokens_out, currency, "service")


def per_million(value: Any) -> float | None:
    """
    Turn the price of one token into that of a million.

    :param value: a text or number
    :return: the price, None for what is none
    """
    price = read_price_per_unit(value)
    return None if price is None else float(price * _MILLION)


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 10**12 else None


def _addresses(model: str, shown: str, settings: ConnectionSettings) -> dict[str, str | None]:
    # An id that cannot be shown as it is belongs into no address either.
    found = links.urls(model, settings.client.base_url, settings.project_id) if model == shown else {}
    return {
        "card": found.get(links.ModelCardLink.xcom_key),
        "playground": found.get(links.PlaygroundLink.xcom_key),
    }


def is_ovhcloud(settings: ConnectionSettings) -> bool:
    """
    Tell whether a connection leads to OVHcloud, directly or through a gateway.

    :param settings: of the connection
    :return: True if its host, or a project id, says so
    """
    return bool(settings.project_id) or defaults.is_ovhcloud(urlsplit(settings.client.base_url).hostname or "")


def price_note(found: list[dict[str, Any]], day: str) -> str:
    """
    Say what the prices are, and who says so.

    :param found: rows
    :param day: when they were read
    :return: what follows "Prices:"
    """
    said = {
        "service": "as the service lists them",
        "catalogue": "as OVHcloud's public catalogue lists them, without VAT",
    }
    kinds = sorted({(row["currency"], row["price_source"]) for row in found if row["currency"]})
    if not kinds:
        return "none that the service lists"
    parts = [f"{currency} per million tokens, {said[source]}" for currency, source in kinds]
    return f"{'; or '.join(parts)}, read {day}"
