from __future__ import annotations

from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import MODEL, Make, stored

pytestmark = pytest.mark.airflow


def test_chat_model_asked_to_embed_gets_the_services_words(hook_for: Make, sandbox: Sandbox) -> None:
    with pytest.raises(AIEndpointsError, match="and says: ") as caught:
        hook_for(stored(sandbox)).create_embedding(MODEL, "a")
    assert caught.value.detail
    assert caught.value.status in {400, 404}


def test_many_texts_are_one_response_in_their_order(hook_for: Make, each_sandbox: Sandbox) -> None:
    hook = hook_for(stored(each_sandbox))
    texts = [f"text {number}" for number in range(30)]
    value = hook.create_embedding("bge-m3", texts)
    assert {len(request.json["input"]) for request in each_sandbox.requests} == {5, 25}
    assert [item["index"] for item in value["data"]] == list(range(30))
    (last,) = hook.create_embedding("bge-m3", texts[-1])["data"]
    assert value["data"][-1]["embedding"] == last["embedding"]
    single = hook.create_embedding("bge-m3", texts[:1])["usage"]["total_tokens"]
    assert value["usage"]["total_tokens"] == 30 * single


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_long_text": "split"}, "on_long_text='split' makes several vectors of one text"),
        ({"concurrency": 0}, "concurrency must be a number from 1 to 512"),
        ({"concurrency": 513}, "concurrency must be a number from 1 to 512"),
    ],
)
def test_options_that_cannot_work(hook_for: Make, sandbox: Sandbox, options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        hook_for(stored(sandbox)).create_embedding("bge-m3", "a", **options)
    assert sandbox.requests == []


def test_rows_are_read_back_with_their_vectors(hook_for: Make, each_sandbox: Sandbox, tmp_path: Path) -> None:
    hook = hook_for(stored(each_sandbox))
    manifest = hook.embed_rows([{"id": 1, "text": "a"}, {"id": 2, "text": "b"}], tmp_path / "out", "bge-m3")
    for folder in (manifest, manifest["path"]):
        rows = list(hook.read_rows(folder))
        assert [(row["id"], row["text"], len(row["embedding"])) for row in rows] == [(1, "a", 1024), (2, "b", 1024)]
    with pytest.raises(ConfigurationError):
        list(hook.read_rows(tmp_path / "nowhere"))
