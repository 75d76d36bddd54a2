"""The console page of an Airflow that is not served at the root of its host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow, installed_release

from .console_page import ConsolePage

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.browser,
    pytest.mark.skipif((3,) <= installed_release() < (3, 3), reason="seen on the newest release and on 2.11"),
]


@pytest.fixture(scope="module")
def below_a_path(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[LocalAirflow]:
    home = tmp_path_factory.mktemp("path")
    settings = {"AIRFLOW_CONN_FAST": sandbox.connection_json}
    with LocalAirflow(home, dags=home / "dags", settings=settings, path="/airflow") as airflow:
        airflow.prepare()
        airflow.serve()
        yield airflow


def test_the_page_its_files_and_its_links_are_below_it(below_a_path: LocalAirflow, page: Any) -> None:
    console = ConsolePage(page, below_a_path)
    console.from_the_menu()
    console.open("fast")
    console.heading("fast").wait_for()
    assert console.test()[0] == "OK: token accepted"
    frame = "/plugin/ovhcloud-ai/airflow" if console.framed else ""
    page.goto(f"{below_a_path.url}{frame}/ovhcloud-ai/connection?id=fast")
    console.heading("fast").wait_for()
    assert console.complaints == []
