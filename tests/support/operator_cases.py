"""
Every operator with parameters that it works with, for tests that go over all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from support import canary

#: Operator -> its parameters. Paths are below the folder of the test, which ``support.leaks.prepare`` makes.
OPERATORS: dict[str, dict[str, Any]] = {
    "BatchOperator": {"model": "gpt-oss-20b", "rows": [canary.PROMPT], "deferrable": False, "poll_interval": 0.05},
    "BulkChatOperator": {"model": "gpt-oss-20b", "input_path": "rows.jsonl", "output_path": "answers"},
    "ChatOperator": {"model": "gpt-oss-20b", "prompt": canary.PROMPT},
    "EmbeddingOperator": {"model": "bge-m3", "input_path": "rows.jsonl", "output_path": "vectors"},
    "GuardOperator": {"text": canary.PROMPT, "answer": canary.PROMPT},
    "ImageOperator": {"prompt": canary.PROMPT, "output_path": "image.png", "size": "512x512"},
    "ModelsOperator": {},
    "ResponseOperator": {"model": "gpt-oss-20b", "input": canary.PROMPT},
    "TranscriptionOperator": {"audio_path": "talk.wav", "output_path": "talk.txt", "prompt": canary.PROMPT},
}


def build_operator(name: str, folder: Path, **options: Any) -> Any:
    """
    Build an operator of the table.

    :param name: its name in the table
    :param folder: where its files are
    :param options: further parameters
    :return: the operator
    """
    given = {key: str(folder / value) if key.endswith("_path") else value for key, value in OPERATORS[name].items()}
    return getattr(ai_endpoints, f"OVHCloudAIEndpoints{name}")(task_id="t", **given, **options)
