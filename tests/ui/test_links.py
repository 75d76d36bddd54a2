"""
Where the extra links lead.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.ui import links
from apache_airflow_provider_ovhcloud_ai.ui.links import LINKS, ModelCardLink, PlaygroundLink, UsageLink, urls
from local_airflow import installed_release

pytestmark = pytest.mark.airflow

CATALOGUE = "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/"
PROJECTS = "https://manager.eu.ovhcloud.com/#/public-cloud/pci/projects"


def of(model: str, base_url: str = defaults.BASE_URL, project_id: str | None = None) -> SimpleNamespace:
    links = urls(model, base_url, project_id)
    named = {"card": ModelCardLink, "playground": PlaygroundLink, "usage": UsageLink}
    return SimpleNamespace(**{name: links.get(link.xcom_key) for name, link in named.items()})


@pytest.mark.parametrize(
    ("model", "card", "playground"),
    [
        pytest.param("gpt-oss-120b", "gpt-oss-120b/", "gpt-oss-120b", id="named as its page"),
        pytest.param("Meta-Llama-3_3-70B-Instruct", "llama-3-3-70b-instruct/", "Meta-Llama-3_3-70B-Instruct", id="not"),
        pytest.param("BGE-M3", "bge-m3/", "BGE-M3", id="alias of the product page"),
        pytest.param("brand-new", "", "brand-new", id="unknown: the list of all"),
        pytest.param("mistral@latest?context_size > 100000", "", "", id="virtual"),
        pytest.param("a/../b?c#d", "", "", id="a query"),
        pytest.param("a/b c", "", "a%2Fb%20c", id="quoted"),
        pytest.param("", "", "", id="none"),
    ],
)
def test_card_and_playground(model: str, card: str, playground: str) -> None:
    links = of(model)
    assert links.card == CATALOGUE + card
    assert links.playground == defaults.PLAYGROUND_URL + playground


@pytest.mark.parametrize(
    ("base_url", "project_id", "usage"),
    [
        pytest.param(defaults.BASE_URL, None, PROJECTS, id="no project"),
        pytest.param(defaults.BASE_URL, "abc", f"{PROJECTS}/abc/ai/endpoints/metrics", id="project"),
        pytest.param(defaults.BASE_URL, "a/b", f"{PROJECTS}/a%2Fb/ai/endpoints/metrics", id="quoted"),
        pytest.param("https://oai.ca.ai.cloud.ovh.net/v1", None, PROJECTS.replace("eu", "ca", 1), id="Canada"),
        pytest.param("https://gateway.example/v1", "abc", f"{PROJECTS}/abc/ai/endpoints/metrics", id="gateway"),
    ],
)
def test_usage(base_url: str, project_id: str | None, usage: str) -> None:
    assert of("gpt-oss-120b", base_url, project_id).usage == usage


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.openai.com/v1",
        "http://127.0.0.1:8000/v1",
        "https://ovh.net.evil.example/v1",
        "https://notovh.net/v1",
    ],
)
def test_another_service_has_none(base_url: str) -> None:
    assert urls("gpt-oss-120b", base_url, None) == {}


@pytest.mark.parametrize("base_url", ["", "https://airflow.example.com", "https://example.com/airflow/"])
def test_the_console_is_below_the_path_that_airflow_is_served_at(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for section in ("API", "WEBSERVER"):
        monkeypatch.setenv(f"AIRFLOW__{section}__BASE_URL", base_url)
    path = "/airflow" if base_url.endswith("/airflow/") else ""
    frame = f"{path}/plugin/ovhcloud-ai" if installed_release() >= (3, 3) else ""
    assert links.console_url("a b#c") == f"{frame}{path}/ovhcloud-ai/connection?id=a%20b%23c"


def test_the_table_names_models_that_are_served(ovh_ai_endpoints_connection: str) -> None:
    served = {model["id"] for model in OVHCloudAIEndpointsHook().list_models()} | {"BGE-M3"}
    assert set(links.CATALOGUE_SLUGS) <= served


def test_each_link_has_a_key_and_a_name_of_its_own() -> None:
    assert len({link.xcom_key for link in LINKS}) == len({link.name for link in LINKS}) == len(LINKS)
    for link in LINKS:
        assert link.xcom_key == f"_link_{type(link).__name__}"
