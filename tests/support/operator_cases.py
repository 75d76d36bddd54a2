"""
Every operator with parameters that work with the sandbox, for tests that go over all operators.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from support import canary


@dataclass(frozen=True)
class OperatorCase:
    """
    An operator in tests. Paths are below the folder of the test, whose files ``support.leaks.prepare`` creates.

    :param params: its parameters, with ``canary.PROMPT`` for each string that a model receives
    :param path: path of its requests; empty if it only sends GET
    :param schema: OpenAI's schema for the requests of this path, if it has one
    :param files: parameters that replace some of the first, so that input or output are files
    :param rejects: names of parameters that accept neither 7.5 nor a long string
    :param strings: names of parameters that accept any string, but not 7.5
    """

    params: dict[str, Any]
    path: str
    schema: str = ""
    files: dict[str, Any] = field(default_factory=dict)
    rejects: str = ""
    strings: str = ""

    def fill_prompts(self, expression: str) -> str:
        """
        Write the parameters for a model as Python.

        :param expression: Python in place of each prompt
        :return: a dictionary
        """
        prompts = {key: value for key, value in self.params.items() if canary.PROMPT in str(value)}
        return repr(prompts).replace(repr(canary.PROMPT), expression)


#: Operator, without the beginning of its name -> its case.
OPERATORS = {
    "BatchOperator": OperatorCase(
        {"model": "gpt-oss-20b", "rows": [canary.PROMPT], "deferrable": False, "poll_interval": 0.05},
        path="/v1/files",
        rejects="rows output_format part_size endpoint temperature max_tokens poll_interval on_error reattach "
        "extra_body timeout max_retries",
        strings="prompt system_prompt",
    ),
    "BulkChatOperator": OperatorCase(
        {"model": "gpt-oss-20b", "rows": [canary.PROMPT]},
        path="/v1/chat/completions",
        schema="CreateChatCompletionRequest",
        files={"rows": None, "input_path": "rows.jsonl", "output_path": "answers"},
        rejects="concurrency on_error temperature max_tokens top_p max_cost max_total_tokens extra_body timeout "
        "max_retries rows output_format part_size",
        strings="prompt system_prompt stop",
    ),
    "ChatOperator": OperatorCase(
        {"model": "gpt-oss-20b", "prompt": canary.PROMPT},
        path="/v1/chat/completions",
        schema="CreateChatCompletionRequest",
        rejects="temperature max_tokens top_p output response_format tools max_cost max_total_tokens extra_body "
        "timeout max_retries",
        strings="stop fallback_models model ovh_conn_id",
    ),
    "EmbeddingOperator": OperatorCase(
        {"model": "bge-m3", "input": canary.PROMPT},
        path="/v1/embeddings",
        schema="CreateEmbeddingRequest",
        files={"input": None, "input_path": "rows.jsonl", "output_path": "vectors"},
        rejects="concurrency output_format part_size on_long_text extra_body timeout max_retries",
        strings="input",
    ),
    "GuardOperator": OperatorCase(
        {"text": canary.PROMPT, "answer": canary.PROMPT},
        path="/v1/chat/completions",
        schema="CreateChatCompletionRequest",
        rejects="unsafe_levels on_unsafe extra_body timeout max_retries",
        strings="text answer",
    ),
    "ImageOperator": OperatorCase(
        {"prompt": canary.PROMPT, "output_path": "image.png", "size": "512x512"},
        path="/v1/images/generations",
        schema="CreateImageRequest",
        rejects="n size overwrite extra_body timeout",
        strings="prompt output_path",
    ),
    "ModelsOperator": OperatorCase({}, path="", rejects="kind min_context output timeout max_retries", strings="name"),
    "ResponseOperator": OperatorCase(
        {"model": "gpt-oss-20b", "input": canary.PROMPT},
        path="/v1/responses",
        schema="CreateResponse",
        rejects="output response_format max_output_tokens temperature top_p extra_body timeout",
        strings="input instructions reasoning_effort",
    ),
    "TranscriptionOperator": OperatorCase(
        {"audio_path": "talk.wav", "prompt": canary.PROMPT},
        path="/v1/audio/transcriptions",
        schema="CreateTranscriptionRequest",
        files={"output_path": "talk.txt"},
        rejects="response_format temperature timestamps diarize output extra_body timeout",
        strings="audio_path output_path language prompt",
    ),
}


def build_operator(name: str, folder: Path, /, *, to_files: bool = True, **options: Any) -> Any:
    """
    Build an operator of the table.

    :param name: its name in the table
    :param folder: where its files are
    :param to_files: whether to use the case's ``files``
    :param options: more parameters, which replace those of the case
    :return: the operator
    """
    case = OPERATORS[name]
    params = {**case.params, **(case.files if to_files else {})}
    params = {key: str(folder / value) if key.endswith("_path") else value for key, value in params.items()}
    return getattr(ai_endpoints, f"OVHCloudAIEndpoints{name}")(**{"task_id": "t", **params, **options})


def read_dags(path: Path | str) -> Any:
    """
    Read DAGs as Airflow does.

    :param path: a file or folder
    :return: the ``DagBag``
    """
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before 3.2
        from airflow.models import DagBag
    return DagBag(dag_folder=str(path))


def make_context() -> dict[str, Any]:
    """
    Make a context with a task instance of the first try.
    """
    ti = MagicMock(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=0)
    return {"ti": ti, "task_instance": ti, "run_id": "r", "outlet_events": MagicMock()}


def execute(operator: Any) -> tuple[Any, dict[str, str]]:
    """Run an operator without a DAG; give its result and the XComs that it pushed itself."""
    ti = MagicMock()
    result = operator.execute({"ti": ti})
    return result, {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}
