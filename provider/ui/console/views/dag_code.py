"""
Code that runs as it is, for a model and a connection: an operator, and a DAG around it. A recording alone has to be
named by whoever copies it. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class _Task(NamedTuple):
    """
    How a kind of model is used.

    :param operator: the operator's class
    :param task_id: id of the task
    :param does: what the DAG is for
    :param field: the operator's parameter that holds what is sent
    :param sample: what is sent
    :param more: further lines of the call
    """

    operator: str
    task_id: str
    does: str
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

#: Kinds of which the operators know what to send.
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
    Tell whether an id may stand in code that somebody runs.

    :param name: of a model or connection, whatever a server says
    :return: False for one that Airflow could take for a template, or that is no id
    """
    return bool(re.fullmatch(r"[\w.:/@?&=+,#!()~ \\-]{1,250}", name, re.ASCII))


def file_name(model: str) -> str:
    """
    Name the file of a DAG.

    :param model: model id, whatever it holds
    :return: a name that every system takes
    """
    return f"{_dag_id(model)}.py"


def dag(kind: str, model: str, conn_id: str) -> str:
    """
    Write a DAG of one task.

    :param kind: one of :data:`KINDS`
    :param model: model id
    :param conn_id: connection id
    :return: Python, in which every value is a literal that cannot be anything else
    """
    known = _TASKS[kind]
    task = "".join(f"    {line}\n" for line in operator(kind, model, conn_id, known.sample).splitlines())
    return _FILE.format(
        title=f"{known.does}, on OVHcloud AI Endpoints.",
        operator=known.operator,
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
    :param max_tokens: tokens to generate at most
    :return: Python
    """
    known = _TASKS[kind]
    lines = [
        f"{known.operator}(",
        f"    task_id={_literal(known.task_id)},",
        f"    ovh_conn_id={_literal(conn_id)},",
        f"    model={_literal(model)},",
    ]
    if kind == "chat":
        lines.append(f'    messages=[{{"role": "user", "content": {_literal(text)}}}],')
    else:
        lines.append(f"    {known.field}={_literal(text)},")
    lines += [f"    {line}" for line in known.more]
    lines += [f"    max_tokens={max_tokens},"] if max_tokens else []
    # What was typed is sent as it is: braces in it are no template.
    lines += ["    render_prompts=False,"] if "{" in text else []
    return "\n".join([*lines, ")"])


def _dag_id(model: str) -> str:
    return "ai_endpoints_" + (re.sub(r"[^a-z0-9]+", "_", model.lower()).strip("_")[:60] or "model")


def _literal(text: str) -> str:
    # ascii() leaves no character that an editor could show as something else.
    quoted = ascii(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted
