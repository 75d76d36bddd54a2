"""
Models as rows: whatever a service lists, the page gets what it knows and no more.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings
from apache_airflow_provider_ovhcloud_ai.defaults import BASE_URL
from apache_airflow_provider_ovhcloud_ai.ui.console.views.models import Price, is_ovhcloud, price_note, rows
from support import canary
from support.services import settings_for

pytestmark = pytest.mark.airflow

FIELDS = {
    "id",
    "kind",
    "context",
    "price_in",
    "price_out",
    "currency",
    "price_source",
    "owner",
    "default",
    "card",
    "playground",
}
SETTINGS = settings_for("https://x.example/v1", canary.TOKEN)
OVH = ConnectionSettings(ClientSettings(base_url=BASE_URL, token=canary.TOKEN))


def one(
    settings: ConnectionSettings = SETTINGS, catalogue: dict[str, Any] | None = None, **model: Any
) -> dict[str, Any]:
    model = {"id": "m"} | model
    (row,) = rows([model], settings, {model["id"]: catalogue or {}})
    assert set(row) == FIELDS
    json.dumps(row, allow_nan=False)
    return row


def price(**pricing: Any) -> list[Any]:
    row = one(pricing={"currency_unit": "USD"} | pricing)
    return [row["price_in"], row["price_out"], row["currency"], row["price_source"]]


@pytest.mark.parametrize(
    ("model_id", "fields", "kind"),
    [
        ("gpt-oss-120b", {"max_completion_tokens": 5}, "chat"),
        ("Qwen2.5-VL-72B-Instruct", {"max_completion_tokens": 5}, "vision"),
        ("Qwen3Guard-Gen-8B", {"max_completion_tokens": 5}, "guard"),
        ("bge-m3", {}, "embedding"),
        ("whisper-large-v3", {}, "speech"),
        ("stable-diffusion-xl-base-v10", {}, "image"),
        ("something", {}, None),
        ("something", {"max_completion_tokens": "5"}, None),
    ],
)
def test_kind(model_id: str, fields: dict[str, Any], kind: str | None) -> None:
    assert one(id=model_id, **fields)["kind"] == kind


@pytest.mark.parametrize(
    ("value", "expected"),
    [(131072, 131072), (0, None), (-1, None), (10**12, None), (1.5, None), ("131072", None), (True, None), ([], None)],
)
def test_context(value: Any, expected: int | None) -> None:
    assert one(context_length=value)["context"] == expected


@pytest.mark.parametrize(
    ("value", "million"),
    [
        ("0.00000009", 0.09),
        (9e-8, 0.09),
        ("1e-7", 0.1),
        ("-1", None),
        ("NaN", None),
        (math.nan, None),
        ("sNaN", None),
        ("Infinity", None),
        (math.inf, None),
        ("1", None),
        (10**400, None),
        ("9e999999", None),
        ("1" * 1_000_000, None),
        ("free", None),
        ("", None),
        (None, None),
        ([1], None),
        ({"usd": 1}, None),
        (True, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_price(value: Any, million: float | None) -> None:
    assert price(prompt=value, completion="0.000001") == [million, 1.0, "USD", "service"]


@pytest.mark.parametrize(
    "pricing",
    [None, [], "0.1", {}, {"prompt": "0.000001"}, {"currency_unit": "USD"}, {"currency_unit": 5, "prompt": "0.000001"}],
)
def test_no_price(pricing: Any) -> None:
    row = one(pricing=pricing)
    assert [row["price_in"], row["price_out"], row["currency"], row["price_source"]] == [None] * 4


def test_price_of_nothing_is_none() -> None:
    assert price(prompt="0", completion="0") == [None] * 4
    assert price(prompt="0.000001", completion="0") == [1.0, 0.0, "USD", "service"]


@pytest.mark.parametrize("unit", ["usd", "US", "USDT", "<b>", "U$D", "", canary.TOKEN])
def test_currency_that_no_browser_takes(unit: str) -> None:
    assert price(prompt="0.000001", currency_unit=unit) == [None] * 4


def test_catalogue_wins() -> None:
    entry = {"kind": "vision", "price": Price(0.08, 0.4, "EUR", "catalogue")}
    row = one(catalogue=entry, max_completion_tokens=5, pricing={"currency_unit": "USD", "prompt": "0.000001"})
    assert (row["kind"], row["price_in"], row["price_out"]) == ("vision", 0.08, 0.4)
    assert (row["currency"], row["price_source"]) == ("EUR", "catalogue")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # the page shows text as text
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("a\u200b\x00\x1b[31mb\n", "a [31mb"),
        ("\ud800", ""),
        ("n" * 1_000_000, "n" * 197 + "..."),
        ("", ""),
    ],
    ids=["script", "direction", "control", "surrogate", "megabyte", "empty"],
)
def test_hostile_names(text: str, expected: str) -> None:
    row = one(id=text, owned_by=text)
    assert (row["id"], row["owner"]) == (expected, expected or None)


@pytest.mark.parametrize("owner", [None, 5, ["x"], {"href": "javascript:alert(1)"}])
def test_owner_that_is_no_text(owner: Any) -> None:
    assert one(owned_by=owner)["owner"] is None


def test_ten_thousand_models() -> None:
    models = [{"id": f"a-model-with-a-long-name-{number:06}", "owned_by": "x" * 60} for number in range(12_000)]
    table = rows(models, SETTINGS, {})
    assert len(table) == 10_000
    assert table[9_999]["id"].endswith("-009999")


@pytest.mark.parametrize(
    "spelled", [*canary.spellings(), f"x{canary.TOKEN}y", canary.TOKEN * 100, "x" * 190 + canary.TOKEN]
)
@pytest.mark.parametrize("settings", [SETTINGS, OVH], ids=["elsewhere", "OVHcloud"])
def test_echoed_token_is_in_no_field(settings: ConnectionSettings, spelled: str) -> None:
    row = one(settings, id=spelled, owned_by=spelled, pricing={"currency_unit": spelled, "prompt": spelled})
    assert not canary.shows(json.dumps(row))
    assert canary.TOKEN[:8] not in json.dumps(row)
    assert (row["card"], row["playground"]) == (None, None)


def test_defaults_are_marked_by_any_spelling() -> None:
    settings = settings_for("https://x.example", chat_model="openai/GPT-oss", embedding_model="bge")
    models = [{"id": "other"}, {"id": "gpt-OSS"}, {"id": "bge"}]
    assert [row["default"] for row in rows(models, settings, {})] == [None, "chat", "embedding"]


@pytest.mark.parametrize("model_id", ["gpt-oss-120b", "javascript:alert(1)", "a/../../b?c#d", '"><script>'])
def test_links_lead_to_ovhcloud_alone(model_id: str) -> None:
    row = one(OVH, id=model_id)
    assert row["card"].startswith("https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/")
    assert row["playground"].startswith("https://playground.endpoints.ai.ovh.net/")
    assert not set('<>"') & set(row["card"] + row["playground"])
    elsewhere = one(SETTINGS, id=model_id)
    assert (elsewhere["card"], elsewhere["playground"]) == (None, None)


def test_whose_models_they_are() -> None:
    assert is_ovhcloud(OVH)
    assert is_ovhcloud(settings_for("https://gateway.example/v1", project_id="abc"))
    assert not is_ovhcloud(SETTINGS)
    assert not is_ovhcloud(settings_for("https://ovh.net.evil.example/v1"))


def test_note_names_each_source() -> None:
    both = [one(pricing={"currency_unit": "USD", "prompt": "0.000001"}), one()]
    assert price_note([one()], "2026-11-23") == "none that the service lists"
    assert price_note(both, "2026-11-23") == "USD per million tokens, as the service lists them, read 2026-11-23"
    both.append(one(catalogue={"price": Price(1.0, None, "EUR", "catalogue")}))
    assert price_note(both, "2026-11-23") == (
        "EUR per million tokens, as OVHcloud's public catalogue lists them, without VAT; or USD per million tokens, "
        "as the service lists them, read 2026-11-23"
    )
