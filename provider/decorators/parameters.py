"""
Parameters of the decorators, for type checkers. Tests compare them with the operators on each Airflow release.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from datetime import datetime, timedelta
from typing import Any, TypedDict


class OperatorParameters(TypedDict, total=False):
    """
    Parameters that Airflow gives every operator, from 2.11 to 3.3.
    """

    task_id: str
    owner: str
    email: str | Collection[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int | None
    retry_delay: timedelta | float
    retry_exponential_backoff: bool | float
    max_retry_delay: timedelta | float | None
    retry_policy: Any
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_past_depends_before_skipping: bool
    wait_for_downstream: bool
    dag: Any
    params: MutableMapping[str, Any] | None
    default_args: dict[str, Any] | None
    priority_weight: int
    weight_rule: Any
    queue: str
    pool: str | None
    pool_slots: int
    sla: timedelta | None
    execution_timeout: timedelta | None
    on_execute_callback: Any
    on_failure_callback: Any
    on_success_callback: Any
    on_retry_callback: Any
    on_skipped_callback: Any
    pre_execute: Callable[[Any], None] | None
    post_execute: Callable[[Any, Any], None] | None
    trigger_rule: str
    resources: dict[str, Any] | None
    run_as_user: str | None
    map_index_template: str | None
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any] | None
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: Any
    outlets: Any
    task_group: Any
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    task_display_name: str | None
    logger_name: str | None
    allow_nested_operators: bool
    render_template_as_native_obj: bool | None


class AIEndpointsParameters(OperatorParameters, total=False):
    """
    Parameters of all operators of this provider.
    """

    ovh_conn_id: str
    timeout: float | str | None
    max_retries: int | str | None
    fail_fast: bool
    extra_body: dict[str, Any] | None
    render_prompts: bool


class ChatRequestParameters(AIEndpointsParameters, total=False):
    """
    Parameters of the decorators that ask a language model.
    """

    model: str | None
    system_prompt: str | None
    system_prompt_file: str | None
    images: Any
    response_format: Any
    repair: bool
    tools: Any
    max_tool_rounds: int
    reasoning_effort: str | None
    temperature: float | str | None
    max_tokens: int | str | None
    top_p: float | str | None
    stop: str | list[str] | None
    fallback_models: Any
    max_cost: float | str | None
    max_total_tokens: int | str | None
    report_cost: bool


class RowsParameters(AIEndpointsParameters, total=False):
    """
    Parameters of the decorators whose function returns rows.
    """

    output_path: str | None
    output_format: str
    part_size: int | str
    on_error: str
    max_failures: float | str | None
    on_empty: str
    if_exists: str


class RowAnswerParameters(ChatRequestParameters, RowsParameters, total=False):
    """
    Parameters of the decorators that ask a language model about rows.
    """

    prompt: str | None
    prompt_file: str | None
    messages: Any
    key: str | None
    answer_column: str
    columns: str
    extra_columns: Any
    keep_columns: Any


class ChatParameters(ChatRequestParameters, total=False):
    """
    Parameters of ``@task.ovh_chat``.
    """

    output: str | None
    stream: bool


class BulkChatParameters(RowAnswerParameters, total=False):
    """
    Parameters of ``@task.ovh_bulk_chat``.
    """

    concurrency: int | str


class BatchParameters(RowAnswerParameters, total=False):
    """
    Parameters of ``@task.ovh_batch``.
    """

    endpoint: str
    text_column: str
    completion_window: str
    poll_interval: float | str
    deferrable: bool | None
    reattach: str


class EmbeddingParameters(RowsParameters, total=False):
    """
    Parameters of ``@task.ovh_embed``.
    """

    model: str | None
    text_column: str
    concurrency: int | str
    on_long_text: str | None
    max_text_tokens: int | str | None


class GuardParameters(AIEndpointsParameters, total=False):
    """
    Parameters of ``@task.ovh_guard``.
    """

    model: str | None
    unsafe_levels: str | list[str] | tuple[str, ...]
    on_unsafe: str
    safe_task_ids: str | list[str] | None
    unsafe_task_ids: str | list[str] | None
