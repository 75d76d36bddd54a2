"""What the documentation quotes from DAGs of its own does what is said there, and so does what it shows as "before"."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox import models as sandbox_models
from apache_airflow_provider_ovhcloud_ai.sandbox.endpoints import images
from support import s3

DAGS = Path(__file__).parent / "dags"
PICTURE = images.draw_png(bytes(14), 64, 64)

pytestmark = pytest.mark.usefixtures("ovh_ai_endpoints_connection")


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket behind the connection that the pages name, with what they read from it."""
    from s3fs import S3FileSystem

    with s3.serving() as options:
        files = S3FileSystem(**options, skip_instance_cache=True)
        files.mkdir("bucket")
        files.pipe_file("bucket/reviews.csv", b"stars,review\n2,The parcel came late.\n5,Thank you!\n")
        for name in ("17-front.png", "17-back.png"):
            files.pipe_file(f"bucket/scans/{name}", PICTURE)
        extra = {"endpoint_url": options["endpoint_url"], "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": options["key"], "password": options["secret"], "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_MY_CONN", json.dumps(connection))
        yield files


def test_what_pages_quote(
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    storage: Any,
    ovh_ai_endpoints_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "scan.png").write_bytes(PICTURE)
    monkeypatch.setenv("SCAN", str(tmp_path / "scan.png"))
    monkeypatch.setenv("AIRFLOW_VAR_BATCH_ID", started_batch())
    monkeypatch.setenv("AIRFLOW_VAR_OPENAI_API_KEY", ovh_ai_endpoints_sandbox.token)
    monkeypatch.setenv("AIRFLOW_VAR_OPENAI_BASE_URL", ovh_ai_endpoints_sandbox.base_url)
    day = datetime(2026, 10, 1, tzinfo=UTC)

    run = run_dag(
        (DAGS / "quoted.py").read_text(encoding="utf-8"), logical_date=day, run_after=day, run_conf={"city": "Porto"}
    )

    assert run.state == "success"
    assert xcom(run, "wait")["status"] == "completed"
    manifest = xcom(run, "classify_all")
    assert manifest["path"] == f"s3://my_conn@bucket/classified/{run.run_id}"
    answers = [row["answer"] for row in OVHCloudAIEndpointsHook.read_rows(manifest)]
    assert ["A review with 2 stars" in answers[0], "Thank you!" in answers[1], len(answers)] == [True, True, 2]
    assert xcom(run, "find_longest") == max(answers, key=len)
    assert "Images received: 2." in xcom(run, "read_invoice")["choices"][0]["message"]["content"]
    assert xcom(run, "in_python").keys() == {"Why?", "How?"}
    assert "Images received: 1." in xcom(run, "look")
    assert "What is Porto known for?" in xcom(run, "describe")
    assert "still warm" in xcom(run, "classify")


def started_batch() -> str:
    hook = OVHCloudAIEndpointsHook()
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Why?"}]}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return hook.create_batch(hook.upload_batch_input([line])["id"])["id"]


def test_the_operators_that_are_listed_are_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN", "scan.png")
    names = runpy.run_path(str(DAGS / "quoted.py"))
    assert {name for name in names if re.fullmatch(r"OVHCloudAIEndpoints\w+Operator", name)} == {
        getattr(operators, name).__name__ for name in operators.__all__
    }


def test_the_hook_is_shown_with_its_defaults() -> None:
    (arguments,) = re.findall(r"hook = OVHCloudAIEndpointsHook\((.+?)\)\n", (DAGS / "quoted.py").read_text(), re.DOTALL)
    parameters = inspect.signature(OVHCloudAIEndpointsHook).parameters.values()
    params = eval(f"dict({arguments})")
    assert params == {each.name: each.default for each in parameters if each.kind is not each.VAR_KEYWORD}


def test_what_users_of_openai_have_before(
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    ovh_ai_endpoints_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sandbox_models.BY_NAME, "gpt-4o-mini", sandbox_models.BY_NAME["gpt-oss-20b"])
    monkeypatch.setitem(sandbox_models.BY_NAME, "text-embedding-3-small", sandbox_models.BY_NAME["bge-m3"])
    connection = {
        "conn_type": "openai",
        "password": ovh_ai_endpoints_sandbox.token,
        "host": ovh_ai_endpoints_sandbox.base_url,
    }
    monkeypatch.setenv("AIRFLOW_CONN_OPENAI_DEFAULT", json.dumps(connection))

    run = run_dag((DAGS / "before_openai.py").read_text(encoding="utf-8"))

    assert run.state == "success"
    assert xcom(run, "store") == [1024, 1024]
    assert ["Lille" in xcom(run, "publish")[0], "Porto" in xcom(run, "publish")[2]] == [True, True]
    assert "Summarise in one sentence: The parcel" in xcom(run, "summarise")
