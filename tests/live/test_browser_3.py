"""What an admin and a DAG author see on Airflow 3.3, in Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

from .rest import Rest
from .test_links import CONSOLE, GPT_OSS
from .ui import Ui3

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

CONN_ID = "ovh_ai_endpoints_default"


@pytest.fixture
def ui(airflow_release: tuple[int, ...], request: pytest.FixtureRequest) -> Ui3:
    if airflow_release < (3, 3):
        pytest.skip("the browser looks at the newest release and at 2.11")
    page = request.getfixturevalue("page")
    return Ui3(page, request.getfixturevalue("airflow").url)


def test_a_connection_is_typed_tested_edited_and_tested_again(
    ui: Ui3, rest: Rest, sandbox: Sandbox, picture: Callable[..., None]
) -> None:
    rest.forget(CONN_ID)
    ui.add(CONN_ID)
    ui.paste_token(f"Bearer {sandbox.token}\n")
    ui.standard("port").fill("443")
    picture("connection-form-airflow-3")
    ui.open("Access and models")
    assert ui.form.get_by_text("token", exact=True).is_visible()
    picture("connection-form-airflow-3-models", 880)
    ui.open("Standard Fields")
    ui.standard("host").fill(sandbox.base_url)
    ui.standard("port").fill(str(sandbox.port))
    ui.save()
    colour, message = ui.test(CONN_ID)
    picture("test-accepted-airflow-3", 620)
    assert colour == "success"
    assert message.startswith("OK: token accepted. ")

    ui.edit(CONN_ID)
    assert ui.standard("host").input_value() == sandbox.base_url
    assert ui.standard("port").input_value() == str(sandbox.port)
    assert ui.standard("password").input_value() == "***"
    ui.open("Access and models")
    ui.field("chat_model").fill("gpt-oss-120b")
    ui.open("Limits")
    ui.field("max_retries").fill("0")
    ui.save()
    colour, message = ui.test(CONN_ID)
    assert (colour, message.partition(". ")[0]) == ("success", "OK: token accepted")
    extra = json.loads(rest.get(f"/connections/{CONN_ID}")["extra"])
    values = {name: value for name, value in extra.items() if value is not None}
    assert values == {"access": "token", "chat_model": "gpt-oss-120b", "max_retries": 0, "allow_http": False}


def test_a_refused_token_is_red_and_says_so_first(
    ui: Ui3, stored: Callable[..., dict[str, Any]], picture: Callable[..., None]
) -> None:
    stored(CONN_ID, password="wrong-token")
    colour, message = ui.test(CONN_ID)
    picture("test-refused-airflow-3", 480)
    assert colour == "error"
    assert message.startswith("Failed: token refused (403 Forbidden). ")


def test_without_a_port_airflow_refuses_to_test_and_the_form_says_what_to_type(
    ui: Ui3, stored: Callable[..., dict[str, Any]], sandbox: Sandbox, picture: Callable[..., None]
) -> None:
    stored(CONN_ID, port=None)
    sandbox.clear()
    assert ui.test(CONN_ID) == ("error", "Bad Request")
    picture("test-without-port-airflow-3", 480)
    assert sandbox.requests == []
    ui.edit(CONN_ID)
    assert "Bad Request" in ui.standard("port").get_attribute("placeholder")
    ui.standard("port").fill("443")  # the one in the URL goes before it
    ui.save()
    assert ui.test(CONN_ID)[0] == "success"


def test_a_field_that_was_never_stored_comes_back_through_the_json(
    ui: Ui3, stored: Callable[..., dict[str, Any]], rest: Rest
) -> None:
    stored(CONN_ID, extra='{"project_id": "x"}')
    ui.list()
    ui.edit(CONN_ID)
    ui.open("Access and models")
    assert ui.field("project_id").is_visible()
    assert not ui.field("chat_model").is_visible()
    ui.replace_json('{"project_id": "x", "chat_model": null}')
    ui.save()
    ui.list()
    ui.edit(CONN_ID)
    ui.open("Access and models")
    ui.field("chat_model").fill("gpt-oss-120b")
    ui.save()
    extra = json.loads(rest.get(f"/connections/{CONN_ID}")["extra"])
    assert extra == {"project_id": "x", "chat_model": "gpt-oss-120b"}


def test_a_task_shows_its_links(ui: Ui3, run: str, picture: Callable[..., None]) -> None:
    ui.task("links", run, "chat")
    picture("extra-links-airflow-3", 560)
    assert ui.links() == GPT_OSS


def test_a_task_of_another_service_shows_the_console_alone(ui: Ui3, run: str) -> None:
    ui.task("links", run, "chat_elsewhere")
    assert ui.links() == {"AI Endpoints console": f"{CONSOLE}elsewhere"}
