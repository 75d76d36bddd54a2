"""
The connection in Airflow's own AI provider, with that provider, pydantic-ai and a server on a socket.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from pydantic import BaseModel
from support.canary import TOKEN, shows, traces
from support.common_ai import ABSENT, is_installed, needs_common_ai, run_python
from support.saved_connections import stored
from support.scripted_server import Server, drip_body, echo, respond

pytestmark = pytest.mark.airflow

LLAMA = "Meta-Llama-3_3-70B-Instruct"
#: What pydantic-ai and the openai package would take from the environment.
ELSEWHERE = {
    "OVHCLOUD_API_KEY": "someone-elses-key",
    "OPENAI_API_KEY": "someone-elses-key",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "OPENAI_ORG_ID": "someone-else",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


class City(BaseModel):
    name: str
    rivers: list[str]


Store = Callable[..., str]
Agent = Callable[..., Any]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """Store a connection in the environment, among keys of others."""
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)

    def keep(service: Sandbox | Server, conn_id: str = "stored", **fields: Any) -> str:
        fields = {"extra": {"chat_model": LLAMA}, **fields}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(stored(service, **fields)))
        return conn_id

    return keep


@pytest.fixture
def make_agent() -> Agent:
    """Make an agent as common-ai's operators do."""

    def make(conn_id: str, output_type: Any = str, model_id: Any = None, fallbacks: Any = None, **kwargs: Any) -> Any:
        from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook

        hook = PydanticAIHook.get_hook(conn_id, {"model_id": model_id, "fallback_conn_ids": fallbacks})
        return hook.create_agent(output_type, instructions="Be brief.", **kwargs)

    return make


def bearers(service: Sandbox | Server) -> set[str | None]:
    return {request.headers.get("authorization") for request in service.requests}


def test_without_that_provider_one_sentence_says_what_to_install() -> None:
    code = ABSENT + "import apache_airflow_provider_ovhcloud_ai.hooks.common_ai"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        "ImportError: OVHcloud AI Endpoints in @task.llm and @task.agent needs apache-airflow-providers-common-ai 1.0 "
        "or later: pip install 'airflow-provider-ovhcloud-ai[common-ai]'"
    )


def test_our_hook_by_its_name_loads_nothing_of_that_provider() -> None:
    code = (
        "import sys\n"
        "from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook\n"
        "OVHCloudAIEndpointsHook()\n"
        "print({'pydantic_ai', 'openai', 'airflow.providers.common.ai.hooks'} & set(sys.modules))"
    )
    assert run_python(code) == "set()"


@needs_common_ai
def test_airflow_gives_one_hook_that_does_both(sandbox: Sandbox, store: Store) -> None:
    from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook

    hook = OVHCloudAIEndpointsHook.get_connection(store(sandbox)).get_hook()
    assert isinstance(hook, OVHCloudAIEndpointsHook)
    assert isinstance(hook, PydanticAIHook)
    assert hook.chat_completion(LLAMA, [{"role": "user", "content": "Hello"}])["model"] == LLAMA
    assert hook.get_conn().settings.base_url == sandbox.base_url
    assert type(hook)(hook.ovh_conn_id, 7).settings.client.timeout == 7
    assert hook.create_agent(instructions="").run_sync("Hello").output.startswith("Hello")


@needs_common_ai
def test_host_and_token_are_the_connections(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    agent = make_agent(store(sandbox, password="Bearer sandbox-token\n"))
    assert "What is a DAG?" in agent.run_sync("What is a DAG?").output
    (request,) = sandbox.requests
    assert (request.path, request.json["model"]) == ("/v1/chat/completions", LLAMA)
    assert request.headers["authorization"] == "Bearer sandbox-token"
    assert request.headers["user-agent"].startswith(defaults.PACKAGE_NAME)
    assert not any("someone-else" in value for value in request.headers.values())


@needs_common_ai
def test_without_a_host_the_service_itself_is_asked(store: Store, sandbox: Sandbox, make_agent: Agent) -> None:
    model = make_agent(store(sandbox, host="")).model
    assert model.base_url.rstrip("/") == model._provider.base_url == defaults.BASE_URL
    assert model.system == "ovhcloud"


@needs_common_ai
@pytest.mark.parametrize("named", ["gpt-oss-20b", "ovhcloud:gpt-oss-20b"])
def test_a_model_that_is_named_wins(named: str, sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    make_agent(store(sandbox), model_id=named).run_sync("Hello")
    assert sandbox.requests[0].json["model"] == "gpt-oss-20b"


@needs_common_ai
def test_without_any_model_it_says_where_to_name_one(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    with pytest.raises(Exception, match="No model: name one, or set 'Chat model' in the connection 'stored'"):
        make_agent(store(sandbox, extra={}))
    assert sandbox.requests == []


@needs_common_ai
def test_anonymous_sends_no_authorization_at_all(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    conn_id = store(sandbox, extra={"access": "anonymous", "chat_model": LLAMA})
    assert make_agent(conn_id).run_sync("Hello").output
    assert bearers(sandbox) == {None}


@needs_common_ai
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"host": "http://ai.example/v1"}, "would send the token unencrypted"),
        ({"extra": {"ca_bundle": "/nowhere.pem", "chat_model": LLAMA}}, "CA bundle '/nowhere.pem' does not exist"),
        ({"password": ""}, "API key not found"),
    ],
)
def test_invalid_parameters_are_refused_before_a_request(
    fields: dict[str, Any], sentence: str, sandbox: Sandbox, store: Store, make_agent: Agent
) -> None:
    with pytest.raises(Exception, match=sentence):
        make_agent(store(sandbox, **fields))
    assert sandbox.requests == []


@needs_common_ai
def test_a_class_gives_the_answer_its_form(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    assert isinstance(make_agent(store(sandbox), City).run_sync("Where is Lyon?").output, City)


@needs_common_ai
def test_an_answer_may_be_asked_for_in_pieces(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    agent = make_agent(store(sandbox))

    async def listen() -> str:
        async with agent.run_stream("What is a DAG?") as result:
            return "".join([piece async for piece in result.stream_text(delta=True)])

    assert "What is a DAG?" in asyncio.run(listen())
    assert sandbox.requests[0].json["stream"] is True


@needs_common_ai
def test_an_agent_may_be_asked_on_one_event_loop_after_the_other(
    sandbox: Sandbox, store: Store, make_agent: Agent
) -> None:
    agent = make_agent(store(sandbox))
    for _ in range(2):
        assert agent.run_sync("Hello").output
        assert asyncio.run(agent.run("Hello")).output


@needs_common_ai
def test_a_wrong_token_is_refused_in_our_words(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    from pydantic_ai.exceptions import ModelHTTPError

    with pytest.raises(ModelHTTPError, match="API token") as caught:
        make_agent(store(sandbox, password="wrong-token-0123")).run_sync("Hello")
    assert caught.value.status_code in {401, 403}
    assert len(sandbox.requests) == 1
    assert "wrong-token-0123" not in "".join(traces(caught.value))


@needs_common_ai
@pytest.mark.parametrize("manner", [echo(403, str), echo(500, str), respond(200, "<title>" + TOKEN + "</title>"), None])
def test_no_error_shows_the_token(
    manner: Any, store: Store, make_agent: Agent, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(*([manner] if manner else [])) as server:
        conn_id = store(server, token=TOKEN, extra={"chat_model": LLAMA, "max_retries": 0})
        agent = make_agent(conn_id)
        if manner is None:
            server.__exit__(None, None, None)
        with pytest.raises(Exception) as caught:  # noqa: PT011  (each library has its own)
            agent.run_sync("Hello")
    texts = [*traces(caught.value), repr(agent), repr(vars(agent.model)), repr(agent.model._provider)]
    texts += [repr(agent.model.client), repr(vars(agent.model.client)), caplog.text, *capfd.readouterr()]
    assert [text for text in texts if shows(text)] == []


@needs_common_ai
def test_a_service_that_is_down_is_reported(store: Store, make_agent: Agent) -> None:
    with Sandbox() as sandbox:
        agent = make_agent(store(sandbox, extra={"chat_model": LLAMA, "max_retries": 0}))
    with pytest.raises(Exception, match=r"No response from 127\.0\.0\.1.*nothing listens there"):
        agent.run_sync("Hello")


@needs_common_ai
def test_an_html_page_as_response_is_reported(store: Store, make_agent: Agent) -> None:
    from pydantic_ai.exceptions import ModelAPIError

    page = respond(200, "<title>Sign in</title>", {"Content-Type": "text/html"})
    with Server(page) as server, pytest.raises(ModelAPIError, match="'Sign in' instead of JSON") as caught:
        make_agent(store(server)).run_sync("Hello")
    assert "Check the base URL." in str(caught.value)


@needs_common_ai
@pytest.mark.parametrize("manner", [None, {"timeout": 0.5}])
def test_time_is_bounded_as_a_whole(manner: Any, store: Store, make_agent: Agent) -> None:
    with Server(drip_body) as server:
        extra = {"chat_model": LLAMA, "timeout": 60 if manner else 1}
        agent = make_agent(store(server, extra=extra), model_settings=manner)
        with pytest.raises(Exception, match=f"within {0.5 if manner else 1}"):
            agent.run_sync("Hello")


@needs_common_ai
@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_the_connections(trusted: bool, store: Store, make_agent: Agent, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    extra = {"chat_model": LLAMA, "max_retries": 0, "ca_bundle": str(tmp_path / "ca.pem") if trusted else None}
    answer = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "finish_reason": "stop", "message": answer}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": LLAMA, "choices": [choice]}
    with Server(respond(200, body), tls=context) as server:
        agent = make_agent(store(server, extra=extra))
        if trusted:
            assert agent.run_sync("Hello").output == "Hello"
        else:
            with pytest.raises(Exception, match="certificate"):
                agent.run_sync("Hello")
    assert len(server.requests) == trusted


@needs_common_ai
def test_retries_are_the_connections(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    agent = make_agent(store(sandbox, extra={"chat_model": LLAMA, "max_retries": 1}))
    sandbox.fail_next(status=429, headers={"Retry-After": "0"})
    assert agent.run_sync("Hello").output
    assert len(sandbox.requests) == 2


@needs_common_ai
def test_another_connection_is_asked_where_the_first_fails(sandbox: Sandbox, store: Store, make_agent: Agent) -> None:
    with Sandbox() as gone:
        first = store(gone, "first", extra={"chat_model": "gpt-oss-20b", "max_retries": 0})
    agent = make_agent(first, fallbacks=[store(sandbox, "second", extra={})])
    assert agent.run_sync("Hello").output
    assert sandbox.requests[0].json["model"] == "gpt-oss-20b"


@needs_common_ai
def test_the_log_and_the_metrics_are_ours(
    sandbox: Sandbox, store: Store, make_agent: Agent, ear: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apache_airflow_provider_ovhcloud_ai.hooks.usage import metrics

    counted: list[Any] = []
    monkeypatch.setattr(metrics, "count", lambda *what: counted.append(what))
    monkeypatch.setattr(metrics, "count_error", lambda *what: counted.append(what))
    hook = OVHCloudAIEndpointsHook.get_connection(store(sandbox)).get_hook()
    agent = ear.listen(hook).create_agent(instructions="")
    agent.run_sync("Hello")
    assert f"AI Endpoints chat: model={LLAMA} input_tokens=" in ear.text
    sandbox.fail_next(status=400)
    with pytest.raises(Exception, match="400"):
        agent.run_sync("Hello")
    assert [each[0] for each in counted] == [LLAMA, LLAMA]
    assert counted[1] == (LLAMA, 400)


@needs_common_ai
@pytest.mark.parametrize("token", ["sandbox-token", "wrong"])
def test_the_test_is_ours(token: str, sandbox: Sandbox, store: Store) -> None:
    from apache_airflow_provider_ovhcloud_ai.hooks.common_ai import OVHCloudAIEndpointsPydanticAIHook

    conn_id = store(sandbox, password=token)
    for hook in (
        OVHCloudAIEndpointsPydanticAIHook(conn_id),
        OVHCloudAIEndpointsHook.get_connection(conn_id).get_hook(),
    ):
        works, message = hook.test_connection()
        assert works is (token == "sandbox-token")
        assert "token" in message[:80]
    assert {request.headers["authorization"] for request in sandbox.requests} >= {f"Bearer {token}"}
    assert sandbox.requests[0].path == "/v1/models"


DAG = """
from datetime import datetime
from airflow.sdk import DAG, task
from airflow.providers.common.ai.operators.agent import AgentOperator
from airflow.providers.common.ai.operators.llm import LLMOperator

def stock(product: str) -> str:
    '''Tell how many pieces of a product are in stock.'''
    return f"{product}: 12 pieces"

with DAG("common_ai", start_date=datetime(2026, 1, 1), schedule=None):
    LLMOperator(task_id="llm", llm_conn_id="stored", prompt="What is a DAG?")
    AgentOperator(
        task_id="agent", llm_conn_id="stored", prompt="Look into the stock.", agent_params={"tools": [stock]}
    )

    @task.llm(llm_conn_id="stored", model_id="gpt-oss-20b")
    def decorated():
        return "What is a pool?"

    decorated()
"""


@needs_common_ai
def test_operators_run_in_a_dag(
    sandbox: Sandbox, store: Store, run_dag: Callable[..., Any], xcom: Callable[..., Any]
) -> None:
    store(sandbox)
    run = run_dag(DAG)
    assert run.state == "success"
    assert "What is a DAG?" in xcom(run, "llm")
    assert '"sandbox: 12 pieces"' in xcom(run, "agent")
    assert "What is a pool?" in xcom(run, "decorated")
    assert bearers(sandbox) == {"Bearer sandbox-token"}
    assert sorted(request.json["model"] for request in sandbox.requests) == [LLAMA] * 3 + ["gpt-oss-20b"]


@needs_common_ai
def test_a_wrong_token_fails_the_task_without_the_token(
    sandbox: Sandbox, store: Store, run_dag: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    store(sandbox, password="wrong-token-0123")
    run = run_dag(DAG)
    assert run.state == "failed"
    printed = "".join(capfd.readouterr())
    assert "refused" in printed
    assert "wrong-token-0123" not in printed


def test_that_provider_is_here_where_the_matrix_says_so() -> None:
    assert is_installed() == sys.prefix.endswith("-ai")
