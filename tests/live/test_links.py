"""Extra links of tasks that Airflow runs: while they run, when they failed, when they were tried again, mapped."""

from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import installed_release

from .rest import ENDED, Rest, eventually

pytestmark = pytest.mark.airflow

CATALOGUE = "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/"
PLAYGROUND = "https://playground.endpoints.ai.ovh.net/"
USAGE = f"https://manager.eu.ovhcloud.com/#/public-cloud/pci/projects/{'0' * 32}/ai/endpoints/metrics"


#: Airflow 3.3 shows the page within its own, the others lead to the page alone.
CONSOLE = ("/plugin/ovhcloud-ai" if installed_release() >= (3, 3) else "") + "/ovhcloud-ai/connection?id="


def leading_to(model: str, card: str, connection: str = "fast") -> dict[str, str | None]:
    console = {"AI Endpoints console": CONSOLE + connection}
    return {"Model card": f"{CATALOGUE}{card}/", "Playground": PLAYGROUND + model, "Usage": USAGE} | console


GPT_OSS = leading_to("gpt-oss-120b", "gpt-oss-120b")
BGE = leading_to("bge-m3", "bge-m3")
LLAMA = leading_to("Meta-Llama-3_3-70B-Instruct", "llama-3-3-70b-instruct")
ELSEWHERE = dict.fromkeys(GPT_OSS) | {"AI Endpoints console": f"{CONSOLE}elsewhere"}


@pytest.mark.parametrize(
    ("task", "map_index", "links"),
    [
        pytest.param("chat", -1, GPT_OSS, id="chat"),
        pytest.param("embed", -1, BGE, id="embedding"),
        pytest.param("chat_mapped", 0, GPT_OSS, id="first of mapped chats"),
        pytest.param("chat_mapped", 1, LLAMA, id="second of mapped chats"),
        pytest.param("embed_mapped", 1, BGE, id="mapped embedding"),
        pytest.param("chat_elsewhere", -1, ELSEWHERE, id="service that is not OVHcloud's"),
    ],
)
def test_links_of_a_task(scheduled: Rest, run: str, task: str, map_index: int, links: dict[str, str | None]) -> None:
    assert scheduled.links("links", run, task, map_index) == links


@pytest.mark.parametrize(
    ("task", "links"),
    [
        ("chat_retried", leading_to("gpt-oss-20b", "gpt-oss-20b", "flaky")),
        ("embed_retried", leading_to("bge-m3", "bge-m3", "flaky")),
    ],
)
def test_links_of_a_task_that_was_tried_again(
    scheduled: Rest, run: str, task: str, links: dict[str, str | None]
) -> None:
    assert scheduled.task("links", run, task)["try_number"] == 2
    assert scheduled.links("links", run, task) == links


@pytest.mark.parametrize(
    ("dag", "links"),
    [
        ("slow_chat", leading_to("gpt-oss-120b", "gpt-oss-120b", "slow_chat")),
        ("slow_embedding", leading_to("bge-m3", "bge-m3", "slow_embedding")),
    ],
)
def test_links_of_a_running_task_and_of_one_that_failed(
    scheduled: Rest, slow: dict[str, Sandbox], dag: str, links: dict[str, str | None]
) -> None:
    run = scheduled.run(dag)
    eventually(lambda: slow[dag].requests, bool)
    assert scheduled.links(dag, run, "ask") == links
    assert scheduled.task(dag, run, "ask")["state"] == "running"
    slow[dag].close()
    assert eventually(lambda: scheduled.state(dag, run), ENDED.__contains__) == "failed"
    assert scheduled.links(dag, run, "ask") == links
