"""
Prices and kinds from the public catalogue: when it is asked, and what is made of whatever it says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.views import catalogue
from apache_airflow_provider_ovhcloud_ai.ui.console.views.catalogue import read_catalogue, read_entries
from apache_airflow_provider_ovhcloud_ai.ui.console.views.models import Price
from support import canary
from support.console import VIEWER, ask
from support.scripted_server import refusing
from support.services import Answer, Service, ServiceResponse, Silence, manner

pytestmark = pytest.mark.airflow

SWITCH = "AIRFLOW__OVHCLOUD_AI_ENDPOINTS__CATALOGUE_URL"
PRICES = [
    {"price_unit": "million_input_tokens", "price": 0.08},
    {"price_unit": "million_output_tokens", "price": "0.4"},
]


def entry(name: Any = "gpt-oss-120b", category: Any = "LLM", prices: Any = PRICES, reads: Any = None) -> dict[str, Any]:
    usage = {"usage_information": {"pricing": prices}}
    specs = {"model_specs": {"capabilities": {"input_modality": reads or ["text"]}}}
    return {"name": name, "category": category, "metadata": usage | specs}


KNOWN = {"gpt-oss-120b": {"kind": "chat", "price": Price(0.08, 0.4, "EUR", "catalogue")}}


@pytest.fixture
def public(serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], Service]:
    """A catalogue that says what a test tells it to."""

    def start(response: Answer) -> Service:
        service = serve(lambda _: response)
        monkeypatch.setenv(SWITCH, f"http://{service.host}/rest/v1/models_v2")
        return service

    return start


def test_is_asked_once_an_hour_and_without_a_token(public: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = public(ServiceResponse(200, [entry()]))
    assert [read_catalogue(), read_catalogue(), read_catalogue()] == [KNOWN] * 3
    assert [(request.method, request.path, request.authorization) for request in service.requests] == [
        ("GET", "/rest/v1/models_v2", None)
    ]
    monkeypatch.setattr(catalogue, "CACHE_S", 0.0)
    read_catalogue()
    assert len(service.requests) == 2
    assert catalogue.CACHE_S == 0
    monkeypatch.undo()
    assert catalogue.CACHE_S == 3_600


def test_failure_is_good_for_as_long(public: Any) -> None:
    service = public(ServiceResponse(500))
    assert [read_catalogue(), read_catalogue()] == [{}, {}]
    assert len(service.requests) == 1


def test_switched_off(public: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = public(ServiceResponse(200, [entry()]))
    for nothing in ("", "  "):
        monkeypatch.setenv(SWITCH, nothing)
        catalogue.forget()
        assert read_catalogue() == {}
    assert service.connections == 0


def test_address_without_a_setting_is_that_of_ovhcloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH)
    assert catalogue._address() == catalogue.URL
    assert catalogue.URL.startswith("https://catalog.endpoints.ai.ovh.net/")


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(ServiceResponse(200, "<title>Sign in</title>"), id="a page"),
        pytest.param(ServiceResponse(200, "{"), id="broken JSON"),
        pytest.param(ServiceResponse(404, [entry()]), id="404"),
        pytest.param(ServiceResponse(302, "", {"Location": "https://evil.example"}), id="redirect"),
        pytest.param(ServiceResponse(200, {"models": [entry()]}), id="an object"),
        pytest.param(Silence(), id="hangs"),
        pytest.param(ServiceResponse(200, "x" * 2_000, pace=0.05), id="drips"),
    ],
)
def test_everything_else_is_no_prices(public: Any, monkeypatch: pytest.MonkeyPatch, response: Answer) -> None:
    monkeypatch.setattr(catalogue, "TIMEOUT_S", 0.3)
    public(response)
    assert read_catalogue() == {}


@pytest.mark.parametrize(
    "address", ["ftp://x.example", "http://x.example/unencrypted", "https://", "x y", "https://u:p@x"]
)
def test_address_that_is_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(SWITCH, address)
    assert read_catalogue() == {}


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing() as port:
        monkeypatch.setenv(SWITCH, f"http://127.0.0.1:{port}/x")
        assert read_catalogue() == {}


@pytest.mark.parametrize(
    ("category", "reads", "kind"),
    [
        ("Large Language Models (LLM)", None, "chat"),
        ("Reasoning LLM", ["text", "image"], "vision"),
        ("LLM Guard", None, "guard"),
        ("Embeddings", None, "embedding"),
        ("Automatic Speech Recognition", None, "speech"),
        ("Audio Analysis", None, "speech"),
        ("Image Generation", ["text"], "image"),
        ("Something", None, None),
        (None, None, None),
        (["LLM"], None, "chat"),
    ],
)
def test_kind(category: Any, reads: Any, kind: str | None) -> None:
    assert read_entries([entry(category=category, reads=reads)])["gpt-oss-120b"].get("kind") == kind


@pytest.mark.parametrize("value", [None, 5, "x", {}, [None], [[]], ["x"], [{}], [{"name": 5}], [{"name": ["x"]}]])
def test_no_entry(value: Any) -> None:
    assert read_entries(value) == {}


@pytest.mark.parametrize("place", ["category", "metadata", "name"])
@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [5], {"usage_information": 5}, {"model_specs": [5]}])
def test_wrong_shape_in_any_field(place: str, value: Any) -> None:
    entries = read_entries([entry() | {place: value}, entry("other")])
    assert entries["other"] == KNOWN["gpt-oss-120b"]
    json.dumps({name: entry_.get("kind") for name, entry_ in entries.items()})


@pytest.mark.parametrize(
    "number", [None, "free", "", [], {}, -1, "NaN", float("nan"), float("inf"), 10**400, 1_000_000, "1e400"]
)
def test_price_that_is_none(number: Any) -> None:
    prices = [PRICES[0] | {"price": number}, PRICES[1]]
    assert read_entries([entry(prices=prices)])["gpt-oss-120b"]["price"] == Price(None, 0.4, "EUR", "catalogue")
    assert "price" not in read_entries([entry(prices=prices[:1])])["gpt-oss-120b"]


@pytest.mark.parametrize("unit", [None, 5, ["million_input_tokens"], {"unit": 1}, "hour"])
def test_unit_of_another_kind(unit: Any) -> None:
    prices = [{"price_unit": unit, "price": 5}, PRICES[1]]
    assert read_entries([entry(prices=prices)])["gpt-oss-120b"]["price"] == Price(None, 0.4, "EUR", "catalogue")


@pytest.mark.parametrize("prices", [None, 5, "x", {}, [], [5], [None]])
def test_prices_of_another_shape(prices: Any) -> None:
    assert read_entries([entry(prices=prices)]) == {"gpt-oss-120b": {"kind": "chat"}}


@pytest.mark.usefixtures("database")
def test_models_of_ovhcloud_are_shown_with_its_prices(public: Any, serve: Any, variable: Any) -> None:
    catalogue_service, service = public(ServiceResponse(200, [entry()])), serve(manner())
    variable(service.base_url, extra={"project_id": "abc"})
    data = ask("models", VIEWER, connection="stored").data
    first = data["models"][0]
    assert (first["price_in"], first["price_out"], first["currency"]) == (0.08, 0.4, "EUR")
    assert data["price_note"].startswith("EUR per million tokens, as OVHcloud's public catalogue lists them")
    ask("models", VIEWER, connection="stored")
    assert (len(catalogue_service.requests), len(service.requests)) == (1, 2)
    assert not any(canary.shows(str(request)) for request in catalogue_service.requests)


@pytest.mark.usefixtures("database")
def test_models_of_others_are_not_looked_up(public: Any, serve: Any, variable: Any) -> None:
    catalogue_service = public(ServiceResponse(200, [entry()]))
    variable(serve(manner()).base_url)
    assert ask("models", VIEWER, connection="stored").data["models"][0]["currency"] is None
    assert catalogue_service.connections == 0
