"""
What a model answered, or a run was started with, is a text: it is not rendered as a template, and names no file.

One DAG run takes a hostile answer through every field of every operator that is sent to a model, and whatever reaches
the service is looked at text by text.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import airflow_version
from apache_airflow_provider_ovhcloud_ai.decorators.chat import ChatFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.embedding import EmbeddingFunctionOperator
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.http.request_bodies import form_payload
from support import leaks
from support.operator_cases import OPERATORS
from support.requests_seen import list_model_requests
from support.scripted_server import Received, Server, Wire, message

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

NUMBERS = itertools.count()

#: The value of the variable, and what stands in the files that are named.
HIDDEN = "hidden-8c1f"

DAG = """
from datetime import datetime
from functools import cache
from pathlib import Path
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat, ovh_embed
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator as Batch,
    OVHCloudAIEndpointsBulkChatOperator as BulkChat,
    OVHCloudAIEndpointsChatOperator as Chat,
    OVHCloudAIEndpointsEmbeddingOperator as Embedding,
    OVHCloudAIEndpointsGuardOperator as Guard,
    OVHCloudAIEndpointsResponseOperator as Response,
)
from support.operator_cases import build_operator

FOLDER = {folder!r}
OWN = {{"model": "gpt-oss-20b"}}
SAID = "{{{{ ti.xcom_pull(task_ids='one') }}}}"
CONF = "{{{{ dag_run.conf['text'] }}}}"

with DAG("rendered_once_{number}", start_date=datetime(2026, 1, 1), schedule=None, template_searchpath=[FOLDER]):

    @cache
    def answer(name):
        return Chat(task_id=name, prompt=name, output="json", ovh_conn_id="hostile", **OWN).output

    @ovh_chat(system_prompt=SAID, **OWN)
    def chat_function(text):
        return text

    @ovh_embed(model="bge-m3")
    def embed_function(several):
        return list(several)

    one = answer("one")
    one.operator >> [
        {tasks}
    ]
"""

#: What the first of the hostile texts is, and all of them, in the table below.
ONE, ALL = "{one}", "{all}"

#: Tasks of the DAG, and of which texts the requests are made that each sends, by their path.
TASKS: dict[str, tuple[str, list[str]]] = {
    'Chat(task_id="rendered", prompt_file="ask.md", system_prompt=CONF, stop=[SAID], **OWN)': (
        "chat/completions",
        [ONE] * 3,
    ),
    'Chat.partial(task_id="mapped_options", **OWN).expand_kwargs(answer("options"))': (
        "chat/completions",
        [ONE, "hello.md"],
    ),
    'chat_function.override(task_id="mapped_function").expand_kwargs(answer("arguments"))': (
        "chat/completions",
        [ONE] * 2,
    ),
    # The same on each release.
    'Chat(task_id="prompt", prompt=one, system_prompt=one, **OWN)': ("chat/completions", [ONE] * 2),
    'Chat.partial(task_id="mapped", system_prompt=SAID, **OWN).expand(prompt=answer("few"))': (
        "chat/completions",
        [ONE, ONE, "hello.md", ONE],
    ),
    'Chat(task_id="verbatim", prompt=one, render_prompts=False, **OWN)': ("chat/completions", [ONE]),
    'Chat(task_id="messages", messages=answer("conversation"), **OWN)': ("chat/completions", [ONE]),
    'Chat(task_id="own_messages", messages=[{"role": "user", "content": SAID}, {"role": "user", "content": one}],'
    " **OWN)": (
        "chat/completions",
        [ONE] * 2,
    ),
    'BulkChat(task_id="rows", rows=answer("many"), system_prompt=one, prompt="{text}", **OWN)': (
        "chat/completions",
        [ALL, *[ONE] * 7],
    ),
    'Guard(task_id="guard", text=one, answer=SAID, on_unsafe="return")': ("chat/completions", [ONE] * 2),
    "chat_function(one)": ("chat/completions", [ONE] * 2),
    'Batch(task_id="batch", rows=answer("many"), system_prompt=one, prompt="{text}", output_path=FOLDER + "/batch",'
    " deferrable=False, poll_interval=0.05, **OWN)": ("files", [ALL, *[ONE] * 7]),
    'Embedding(task_id="embed", input=[SAID, CONF, one], model="bge-m3")': ("embeddings", [ONE] * 3),
    'Embedding(task_id="embed_many", input=answer("many"), model="bge-m3")': ("embeddings", [ALL]),
    'embed_function(answer("many"))': ("embeddings", [ALL]),
    'Response(task_id="response", input=[{"role": "user", "content": SAID}], instructions=one, **OWN)': (
        "responses",
        [ONE] * 2,
    ),
    **{
        f'build_operator("{name}", Path(FOLDER), to_files=False, task_id="{name}", **{source})': (
            case.path.removeprefix("/v1/"),
            [ONE] * source.count("SAID"),
        )
        for name, case in OPERATORS.items()
        if "SAID" in (source := case.fill_prompts("SAID"))
    },
}

#: How many of them there are where each takes seconds: those that go a way of their own through Airflow's code.
FEW = 3
TO_BE_DONE = dict(list(TASKS.items())[: None if airflow_version().startswith(("2.", "3.3")) else FEW])


#: What requests say beside it.
WORDS = {"user", "system", "assistant", "message", "text", "base64", "b64_json", "batch", "24h", "POST"}
MODELS = {"gpt-oss-20b", "bge-m3", "Qwen3Guard-Gen-8B", "stable-diffusion-xl-base-v10", "whisper-large-v3"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    Files that must not be read, where Airflow looks for those of templates; and the variable.
    """
    monkeypatch.setenv("AIRFLOW_VAR_SECRET", HIDDEN)
    for name in ("hello.md", "query.sql", "data.json", "page.txt"):
        (tmp_path / name).write_text(HIDDEN, encoding="utf-8")
    (tmp_path / "ask.md").write_text("{{ ti.xcom_pull(task_ids='one') }}", encoding="utf-8")
    leaks.prepare(tmp_path)
    return tmp_path


@pytest.fixture
def hostile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """
    A model whose answers are templates and names of files, the first all at once.
    """
    texts = [
        f"{{{{ var.value.secret }}}} {{% raw %}} {{# file://{folder}/hello.md /etc/passwd {folder}/query.sql hello.md",
        "{{ var.value.secret }}",
        "hello.md",
        "query.sql",
        f"{folder}/data.json",
        f"file://{folder}/page.txt",
        "/etc/passwd",
    ]

    one, *_ = texts
    answers = {
        "one": one,
        "few": [one, "hello.md"],
        "many": texts,
        "conversation": [{"role": "user", "content": [{"type": "text", "text": one}]}],
        "options": [{"prompt": one, "system_prompt": "hello.md"}],
        "arguments": [{"text": one}],
    }

    def answer(wire: Wire, request: Received) -> bool:
        name = request.json["messages"][0]["content"] if request.body else "one"
        choice = {"message": {"role": "assistant", "content": json.dumps(answers[name])}, "finish_reason": "stop"}
        wire.send(message(200, {"choices": [choice], "model": "gpt-oss-20b"}))
        return True

    with Server(answer) as server:
        stored = {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": "t"}
        monkeypatch.setenv("AIRFLOW_CONN_HOSTILE", json.dumps(stored))
        yield texts


def test_every_operator_that_sends_texts_takes_part() -> None:
    senders = {name for name in OPERATORS if getattr(ai_endpoints, f"OVHCloudAIEndpoints{name}").prompt_fields}
    assert {name for name in senders if not any(f'"{name}"' in task for task in TASKS)} == set()


@pytest.mark.slow
def test_an_answer_is_a_text_wherever_it_goes(
    run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox, folder: Path, hostile: list[str]
) -> None:
    source = DAG.format(folder=str(folder), number=next(NUMBERS), tasks=",\n        ".join(TO_BE_DONE))
    run = run_dag(source, run_conf={"text": hostile[0]})
    states = {(each.task_id, each.map_index): str(each.state) for each in run.get_task_instances()}
    assert {task: state for task, state in states.items() if state != "success"} == {}
    texts_by_path, expected = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for request in list_model_requests(ovh_ai_endpoints_sandbox):
        texts_by_path[request.path.removeprefix("/v1/")] += set_apart(request)
    for path, texts in TO_BE_DONE.values():
        for text in texts:
            expected[path] += hostile if text == ALL else [hostile[0] if text == ONE else text]
    assert {path: sorted(texts) for path, texts in texts_by_path.items() if texts} == {
        path: sorted(texts) for path, texts in expected.items()
    }


@pytest.mark.parametrize("name", [name for name in ai_endpoints.__all__ if name.endswith("Operator")])
def test_no_text_is_taken_for_the_name_of_a_template(name: str) -> None:
    assert getattr(ai_endpoints, name).template_ext == ()


@pytest.mark.parametrize("operator", [ChatFunctionOperator, EmbeddingFunctionOperator])
def test_no_text_of_a_decorated_function_is_either(operator: Any) -> None:
    assert tuple(operator.template_ext) == ()


def set_apart(request: Any) -> list[str]:
    """
    What a request says to a model, without the words of the API.
    """
    ignored = WORDS | MODELS | {"/v1/chat/completions"}
    if request.path.endswith("/batches"):
        return []  # which task it belongs to
    return [
        text for text in iter_texts(request) if text not in ignored and not re.fullmatch(r"(file|row|\d)[\w-]*", text)
    ]


def iter_texts(request: Any) -> Iterator[str]:
    """
    All texts that a request says to a model, each as it was written.
    """
    if request.path.endswith("/transcriptions"):
        yield from leaves({**form_payload(request), "file": None})
    elif request.path.endswith("/files"):
        for line in form_payload(request)["file"].splitlines():
            yield from leaves(json.loads(line))
    elif request.body:
        yield from leaves(request.json)


def leaves(value: Any) -> Iterator[str]:
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(inner)
    if isinstance(value, str):
        yield value
