"""
Code for a model and a connection: a call of an operator, and a DAG around it. Pure.

The code runs unchanged, except for speech: the user has to insert the path of a recording.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class _Task(NamedTuple):
    """
    The example task for a kind of model.

    :param operator: class of the operator
    :param task_id: id of the task
    :param title: purpose of the DAG
    :param field: the operator's parameter for the input
    :param sample: the input
    :param more: further lines of the call
    """

    operator: str
    task_id: str
    title: str
    field: str
    sample: str
    more: tuple[str, ...] = ()


_SKY = "Why is the sky blue?"
_TASKS = {
    "chat": _Task(
        "OVHCloudAIEndpointsChatOperator",
        "ask",
        "Ask a language model",
        "messages",
        f"{_SKY} Answer in one sentence.",
    ),
    "embedding": _Task("OVHCloudAIEndpointsEmbeddingOperator", "embed", "Turn a text into a vector", "input", _SKY),
    "guard": _Task("OVHCloudAIEndpointsGuardOperator", "judge", "Have a text judged by a guard model", "text", _SKY),
    "image": _Task(
        "OVHCloudAIEndpointsImageOperator",
        "paint",
        "Have an image made",
        "prompt",
        "A lighthouse at dusk.",
        ('output_path="/tmp/ai_endpoints/{{ run_id }}.png",',),
    ),
    "transcription": _Task(
        "OVHCloudAIEndpointsTranscriptionOperator",
        "transcribe",
        "Write down what is said in a recording",
        "audio_path",
        "/path/to/recording.mp3",
    ),
}

#: Kinds of models that have an operator.
KINDS = tuple(_TASKS)

_FILE = '''"""
{title}
"""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import {operator}

with DAG(dag_id={dag_id}, start_date=datetime(2026, 1, 1), schedule=None, catchup=False):
{task}
'''


def is_safe_literal(name: str) -> bool:
    """
    Check if an id is safe to insert in generated code.

    :param name: id of a model or connection; may come from an untrusted server
    :return: False if Airflow could read it as a template, or if it doesn't look like an id
    """
    return bool(re.fullmatch(r"[\w.:/@?&=+,#!()~ \\-]{1,250}", name, re.ASCII))


def file_name(model: str) -> str:
    """
    Name the file of a DAG.

    :param model: model id; may hold any characters
    :return: a file name that is valid on every system
    """
    return f"{_dag_id(model)}.py"


def dag(kind: str, model: str, conn_id: str) -> str:
    """
    Write a DAG of one task.

    :param kind: one of :data:`KINDS`
    :param model: model id
    :param conn_id: connection id
    :return: Python code, in which every value is a quoted literal
    """
    example = _TASKS[kind]
    task = "".join(f"    {line}\n" for line in operator(kind, model, conn_id, example.sample).splitlines())
    return _FILE.format(
        title=f"{example.title}, on OVHcloud AI Endpoints.",
        operator=example.operator,
        dag_id=_literal(_dag_id(model)),
        task=task.rstrip(),
    )


def operator(kind: str, model: str, conn_id: str, text: str, max_tokens: int | None = None) -> str:
    """
    Write the call of an operator.

    :param kind: one of :data:`KINDS`
    :param model: model id
    :param conn_id: connection id
    :param text: prompt, text to embed or to judge, or path of a recording
    :param max_tokens: maximum of generated tokens; None leaves the parameter out
    :return: Python code
    """
    example = _TASKS[kind]
    lines = [
        f"{example.operator}(",
        f"    task_id={_literal(example.task_id)},",
        f"    ovh_conn_id={_literal(conn_id)},",
        f"    model={_literal(model)},",
    ]
    if kind == "chat":
        lines.append(f'    messages=[{{"role": "user", "content": {_literal(text)}}}],')
    else:
        lines.append(f"    {example.field}={_literal(text)},")
    lines += [f"    {line}" for line in example.more]
    lines += [f"    max_tokens={max_tokens},"] if max_tokens else []
    # The typed text is sent unchanged: its braces aren't templates.
    lines += ["    render_prompts=False,"] if "{" in text else []
    return "\n".join([*lines, ")"])


def _dag_id(model: str) -> str:
    return "ai_endpoints_" + (re.sub(r"[^a-z0-9]+", "_", model.lower()).strip("_")[:60] or "model")


def _literal(text: str) -> str:
    # ascii() leaves no character that an editor could show as something else.
    quoted = ascii(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted
