"""The console page in Chromium: what whoever is on call does there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from axe_playwright_python.base import AXE_SCRIPT
from local_airflow import LocalAirflow, installed_release
from support.releases import oldest_and_newest

from .console_page import ConsolePage
from .rest import ENDED, Rest, eventually

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

CONN_ID = "on_call"
STEPS = ["Settings", "Name and reach", "TLS", "Models", "Access", "Default models"]


@pytest.fixture
def console(request: pytest.FixtureRequest, airflow: LocalAirflow, page: Any) -> Iterator[ConsolePage]:
    console = ConsolePage(page, airflow)
    yield console
    assert console.complaints == []


@pytest.fixture
def connection(stored: Callable[..., dict[str, Any]]) -> Callable[..., str]:
    def store(connection_id: str = CONN_ID, **changes: Any) -> str:
        stored(connection_id, **changes)
        return connection_id

    return store


def test_from_the_menu_to_green(
    console: ConsolePage, connection: Callable[..., str], sandbox: Sandbox, picture: Callable[..., None]
) -> None:
    connection(port=None, extra='{"chat_model": "gpt-oss-120b"}')
    connection("wrong_token", password="wrong")
    request_count = len(sandbox.requests)
    console.from_the_menu()
    assert "Never tested" in console.row(CONN_ID).inner_text()
    assert len(sandbox.requests) == request_count, "opening the page asks nobody"

    console.content.get_by_role("button", name=f"Test {CONN_ID}").click()
    console.row(CONN_ID).get_by_text("token accepted").wait_for()
    console.content.get_by_role("button", name="Test wrong_token").click()
    console.row("wrong_token").get_by_text("token refused").wait_for()
    picture("console-overview", 620)

    console.content.get_by_role("link", name=CONN_ID).click()
    verdict, steps = console.test()
    assert verdict == "OK: token accepted"
    assert steps == dict.fromkeys(STEPS, "OK")
    console.content.get_by_text("Next: choose a model below").wait_for()
    assert re.search(
        r"from the (API|web) server on \S+, without a proxy", console.content.locator(".verdict").inner_text()
    )

    console.overview()
    row = console.row(CONN_ID).inner_text()
    assert "by admin" in row
    assert "settings changed since" not in row


@oldest_and_newest
@pytest.mark.parametrize(
    ("changes", "fault", "verdict", "failed"),
    [
        pytest.param(
            {"host": "http://127.0.0.1:9/v1"}, {}, "Failed: connection refused", "Name and reach", id="refused"
        ),
        pytest.param(
            {"host": "https://nowhere.invalid/v1"}, {}, "Failed: host name not found", "Name and reach", id="dns"
        ),
        pytest.param({"password": "wrong"}, {}, "Failed: token refused (403 Forbidden)", "Models", id="token"),
        pytest.param({}, {"status": 500}, "the service answered 500", "Models", id="500"),
        pytest.param(
            {}, {"status": 429, "headers": {"Retry-After": "7"}}, "request limit reached (429)", "Models", id="429"
        ),
        pytest.param(
            {"extra": '{"chat_model": "no-such-model"}'}, {}, "Failed: model not found", "Default models", id="model"
        ),
        pytest.param(
            {"host": "http://example.com/v1"}, {}, "Failed: the settings cannot work", "Settings", id="settings"
        ),
    ],
)
def test_each_failure_has_its_step_and_its_sentence(
    console: ConsolePage,
    connection: Callable[..., str],
    sandbox: Sandbox,
    picture: Callable[..., None],
    changes: dict[str, Any],
    fault: dict[str, Any],
    verdict: str,
    failed: str,
) -> None:
    # A row of a type that Airflow would refuse to store is not needed: each of these can be typed.
    console.open(connection(**{"port": None, **changes}))
    if fault:
        sandbox.fail_next(path="/v1/models", **fault)
    heading, steps = console.test()
    assert verdict in heading
    before, after = STEPS[: STEPS.index(failed)], STEPS[STEPS.index(failed) + 1 :]
    assert {steps[name] for name in before} <= {"OK"}
    assert steps[failed] != "OK"
    assert {steps[name] for name in after} <= {"Not run"}
    console.content.get_by_text("Who acts:").wait_for()
    if "429" in verdict:
        assert not heading.startswith("Failed")
        # The button waits as long as the service asks.
        console.content.locator("button.test[aria-disabled=true]").wait_for()
    if "token refused" in verdict:
        picture("console-test-failed", 760)


@oldest_and_newest
def test_models_are_searched_and_sorted_and_the_address_says_how(
    console: ConsolePage, connection: Callable[..., str], picture: Callable[..., None]
) -> None:
    console.open_alone(connection(extra='{"chat_model": "gpt-oss-120b"}'))
    console.list_models()
    assert len(console.models()) == 24
    console.content.get_by_role("button", name="Price in").click()
    console.content.get_by_label("Kind").select_option("chat")
    picture("console-models", 900)
    first = console.models()
    console.content.get_by_label("Search").fill("qwen")
    eventually(console.models, lambda names: names != first and all("Qwen" in name for name in names))
    names = console.models()
    console.page.wait_for_url("**q=qwen**")
    console.page.reload()
    console.list_models()
    assert console.models() == names
    assert console.content.locator("th[aria-sort=ascending]").inner_text().startswith("Price in")


@oldest_and_newest
def test_batches_say_whose_they_are_and_how_far(
    console: ConsolePage,
    connection: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    picture: Callable[..., None],
) -> None:
    with Sandbox(batch_seconds=3_600) as slow:
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", slow.connection_json)
        hook = OVHCloudAIEndpointsHook(CONN_ID)
        for name in ("classify", "translate"):
            body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Hello"}]}
            line = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
            task = {"dag_id": "reviews", "run_id": "scheduled__2026-11-26", "task_id": name, "map_index": "7"}
            metadata = {f"airflow_{key}": value for key, value in task.items()} if name == "classify" else None
            hook.create_batch(hook.upload_batch_input([line])["id"], metadata=metadata)
        hook.cancel_batch("batch-000001")
        console.open(connection(host=slow.base_url, port=slow.port, password=slow.token))
        theirs, ours = console.list_batches()
    assert theirs[0].split() == ["batch-000002", "/v1/chat/completions"]
    assert (theirs[1].strip(), theirs[2], theirs[3]) == ("validating", "0 of 1", "-")
    assert (ours[1].strip(), ours[2]) == ("cancelled", "0 of 1")
    assert "reviews · classify [7]" in " ".join(ours[3].split())
    assert "scheduled__2026-11-26" in ours[3]
    console.heading("Batches").scroll_into_view_if_needed()
    picture("console-batches", 900)


def test_a_copied_dag_runs(console: ConsolePage, scheduled: Rest, airflow: LocalAirflow, page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.open("fast")
    console.list_models()
    row = console.row("gpt-oss-120b")
    row.get_by_role("button", name="Copy as DAG").click()
    console.content.get_by_text("copied").first.wait_for()
    code = page.evaluate("navigator.clipboard.readText()")
    dags = Path(airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"])
    file = dags / f"copied_{os.getpid()}.py"
    file.write_text(code, encoding="utf-8")
    try:
        dag = "ai_endpoints_gpt_oss_120b"
        run = scheduled.run(dag)
        assert eventually(lambda: scheduled.state(dag, run), ENDED.__contains__) == "success"
    finally:
        file.unlink()


@oldest_and_newest
def test_a_prompt_is_answered_once(console: ConsolePage, connection: Callable[..., str], sandbox: Sandbox) -> None:
    console.open(connection(extra='{"chat_model": "gpt-oss-120b"}'))
    console.content.get_by_label("Text").fill("Say <img src=x onerror=alert(1)>")
    request_count = len(sandbox.requests)
    console.button("Send").dblclick()
    answer = console.content.get_by_role("group", name="Answer")
    answer.get_by_text("No model was run.").wait_for()
    assert "<img src=x onerror=alert(1)>" in answer.inner_text()
    assert len(sandbox.requests) == request_count + 1
    assert 'ovh_conn_id="on_call"' in console.content.get_by_label("Operator code").inner_text()


@pytest.mark.parametrize(("conn_id", "source"), [("fast", "environment variable"), ("vaulted", "secrets backend")])
def test_connections_that_cannot_be_listed_open_by_id(console: ConsolePage, conn_id: str, source: str) -> None:
    console.overview()
    console.content.get_by_text("cannot be listed").wait_for()
    assert console.row(conn_id).count() == 0
    console.open(conn_id)
    console.heading(conn_id).wait_for()
    console.content.get_by_text(source).wait_for()
    assert console.test()[0] == "OK: token accepted"


@oldest_and_newest
def test_an_id_that_does_not_exist_says_so(console: ConsolePage) -> None:
    console.open("not_there")
    console.content.get_by_text("does not exist").wait_for()


def test_the_link_of_a_task_leads_to_its_connection(console: ConsolePage, rest: Rest, run: str) -> None:
    link = rest.links("links", run, "chat_elsewhere")["AI Endpoints console"]
    assert link is not None
    console.framed = link.startswith("/plugin/")
    console.page.goto(console.url + link)
    console.heading("elsewhere").wait_for()


@pytest.mark.skipif(installed_release() < (3, 3), reason="seen on the newest release")
def test_it_belongs_to_the_airflow_around_it(
    console: ConsolePage, connection: Callable[..., str], picture: Callable[..., None]
) -> None:
    console.open(connection(extra='{"chat_model": "gpt-oss-120b"}'))
    console.test()
    console.list_models()
    console.content.get_by_label("Search").fill("qwen")
    # Airflow's own address says it too, so that it can be handed on.
    console.page.wait_for_url("**/plugin/**q=qwen**")
    console.page.get_by_role("button", name="User").click()
    console.page.get_by_role("menuitem", name="Appearance").click()
    console.page.get_by_text("Dark Mode").click()
    console.content.locator("html[data-theme=dark]").wait_for()
    console.page.keyboard.press("Escape")
    picture("console-dark", 700)


@oldest_and_newest
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(
    console: ConsolePage, connection: Callable[..., str], chromium: Any, airflow: LocalAirflow, scheme: str
) -> None:
    connection("wrong_token", password="wrong")
    # axe-core is a script of its own, which the page's policy keeps out otherwise.
    context = chromium.new_context(viewport={"width": 900, "height": 900}, color_scheme=scheme, bypass_csp=True)
    try:
        visitor = ConsolePage(context.new_page(), airflow)
        visitor.framed = False
        visitor.page.goto(f"{visitor.url}/ovhcloud-ai/")
        visitor.heading("Connections").wait_for()
        assert _findings(visitor.page) == []
        visitor.open_alone("wrong_token")
        visitor.test()
        visitor.open_alone(connection())
        visitor.test()
        visitor.list_models()
        visitor.list_batches()
        assert _findings(visitor.page) == []
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing scrolls sideways"
    finally:
        context.close()


def _findings(page: Any) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    violations = page.evaluate("axe.run()")["violations"]
    return [f"{each['impact']}: {each['help']}" for each in violations if each["impact"] in {"serious", "critical"}]


@oldest_and_newest
def test_the_keyboard_is_enough(console: ConsolePage, connection: Callable[..., str]) -> None:
    connection(extra='{"chat_model": "gpt-oss-120b"}')
    console.framed = False
    console.page.goto(f"{console.url}/ovhcloud-ai/")
    console.heading("Connections").wait_for()
    press(console, "Open a connection by its id")
    console.page.keyboard.type(CONN_ID)
    console.page.keyboard.press("Enter")
    console.heading(CONN_ID).wait_for()
    press(console, "Test")
    console.page.keyboard.press("Enter")
    console.content.get_by_role("heading", name="token accepted").wait_for()
    press(console, "List models")
    console.page.keyboard.press("Enter")
    console.content.get_by_label("Search").wait_for()
    press(console, "Text")
    console.page.keyboard.type("Hello")
    press(console, "Send")
    console.page.keyboard.press("Enter")
    console.content.get_by_text("No model was run.").wait_for()


def press(console: ConsolePage, name: str) -> None:
    """
    Go to an element with the tabulator alone.
    """
    where = """name => {
        const at = document.activeElement;
        const label = at.labels?.[0]?.innerText ?? at.getAttribute("aria-label") ?? at.innerText;
        return label.trim() === name;
    }"""
    for _ in range(200):
        console.page.keyboard.press("Tab")
        if console.page.evaluate(where, name):
            return
    pytest.fail(f"{name!r} is not reached by the keyboard")


@oldest_and_newest
def test_no_token_reaches_the_browser(
    console: ConsolePage, connection: Callable[..., str], sandbox: Sandbox, page: Any
) -> None:
    bodies: list[str] = []
    page.on("response", lambda response: bodies.append(_text(response)))
    console.open(connection(extra='{"chat_model": "gpt-oss-120b"}'))
    console.test()
    console.list_models()
    console.list_batches()
    console.overview()
    assert any('"steps"' in body for body in bodies)
    assert sandbox.token not in "".join(bodies)
    assert sandbox.token[-8:] not in "".join(bodies)


def _text(response: Any) -> str:
    # A redirect has no body.
    return "" if 300 <= response.status < 400 else response.text()
