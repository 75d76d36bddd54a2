"""What an admin and a DAG author see on Airflow 2.11, in Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

from .rest import Rest
from .test_links import GPT_OSS
from .ui import Ui2

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

CONN_ID = "ovh_ai_endpoints_default"


@pytest.fixture
def ui(airflow_release: tuple[int, ...], request: pytest.FixtureRequest) -> Ui2:
    if airflow_release >= (3,):
        pytest.skip("only Airflow 2.11 has these pages")
    page = request.getfixturevalue("page")
    return Ui2(page, request.getfixturevalue("airflow").url)


def test_a_connection_is_typed_tested_saved_and_edited(
    ui: Ui2, rest: Rest, sandbox: Sandbox, picture: Callable[..., None]
) -> None:
    rest.forget(CONN_ID)
    ui.add(CONN_ID)
    ui.paste_token(f"Bearer {sandbox.token}\n")
    ui.field("chat_model").fill("gpt-oss-120b")
    picture("connection-form-airflow-2", 1280)
    ui.standard("host").fill(sandbox.base_url)
    ui.field("max_retries").fill("0")
    assert ui.test().startswith("OK: token accepted. ")
    ui.save()

    ui.edit(CONN_ID)
    assert ui.standard("host").input_value() == sandbox.base_url
    assert ui.field("access").input_value() == "token"
    assert ui.field("chat_model").input_value() == "gpt-oss-120b"
    assert ui.field("max_retries").input_value() == "0"
    # The edit form sends its Test no stored token, but saves without touching it.
    assert ui.test().startswith("Failed: API key not found. ")
    ui.field("chat_model").fill("")
    ui.save()
    extra = json.loads(rest.get(f"/connections/{CONN_ID}")["extra"])
    assert extra == {"access": "token", "max_retries": "0", "allow_http": False}
    ui.edit(CONN_ID)
    ui.paste_token(sandbox.token)
    assert ui.test().startswith("OK: token accepted. ")
    picture("test-accepted-airflow-2", 620)


def test_a_refused_token_says_so_first(
    ui: Ui2, stored: Callable[..., dict[str, Any]], picture: Callable[..., None]
) -> None:
    stored(CONN_ID)
    ui.edit(CONN_ID)
    ui.paste_token("wrong-token")
    assert ui.test().startswith("Failed: token refused (403 Forbidden). ")
    picture("test-refused-airflow-2", 620)


def test_another_type_is_saved_as_before(ui: Ui2, rest: Rest) -> None:
    rest.forget("other")
    ui.add("other", "HTTP")
    ui.standard("host").fill("example.org")
    ui.save()
    assert rest.get("/connections/other")["host"] == "example.org"


def test_a_task_shows_its_links(ui: Ui2, run: str, picture: Callable[..., None]) -> None:
    ui.task("links", run, "chat")
    picture("extra-links-airflow-2", 700)
    assert ui.links() == GPT_OSS
