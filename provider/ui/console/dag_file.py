"""
Code that runs as it is, for a model and a connection: an operator, and a DAG around it. Pure.
"""

from __future__ import annotations

import re

_OPERATORS = {
    "chat": "OVHCloudAIEndpointsChatCompletionsOperator",
    "embedding": "OVHCloudAIEndpointsEmbeddingOperator",
}

#: Kinds of which the operators know what to send.
KINDS = tuple(_OPERATORS)

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

_SAMPLES = {"chat": "Why is the sky blue? Answer in one sentence.", "embedding": "Why is the sky blue?"}


def speakable(name: str) -> bool:
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

    :param kind: ``chat`` or ``embedding``
    :param model: model id
    :param conn_id: connection id
    :return: Python, in which every value is a literal that cannot be anything else
    """
    does = "Ask a language model" if kind == "chat" else "Turn a text into a vector"
    task = "".join(f"    {line}\n" for line in operator(kind, model, conn_id, _SAMPLES[kind]).splitlines())
    return _FILE.format(
        title=f"{does} of OVHcloud AI Endpoints.",
        operator=_OPERATORS[kind],
        dag_id=_literal(_dag_id(model)),
        task=task.rstrip(),
    )


def operator(kind: str, model: str, conn_id: str, text: str, max_tokens: int | None = None) -> str:
    """
    Write the call of an operator.

    :param kind: ``chat`` or ``embedding``
    :param model: model id
    :param conn_id: connection id
    :param text: prompt, or text to embed
    :param max_tokens: tokens to generate at most
    :return: Python
    """
    lines = [
        f"{_OPERATORS[kind]}(",
        f"    task_id={_literal('ask' if kind == 'chat' else 'embed')},",
        f"    ovh_conn_id={_literal(conn_id)},",
        f"    model={_literal(model)},",
    ]
    if kind == "chat":
        lines.append(f'    messages=[{{"role": "user", "content": {_literal(text)}}}],')
    else:
        lines.append(f"    input={_literal(text)},")
    lines += [f"    max_tokens={max_tokens},"] if max_tokens else []
    # What was typed is sent as it is: braces in it are no template.
    lines += ["    render=False,"] if "{" in text else []
    return "\n".join([*lines, ")"])


def _dag_id(model: str) -> str:
    return "ai_endpoints_" + (re.sub(r"[^a-z0-9]+", "_", model.lower()).strip("_")[:60] or "model")


def _literal(text: str) -> str:
    # ascii() leaves no character that an editor could show as something else.
    quoted = ascii(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted
