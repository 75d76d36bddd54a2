"""
Where Airflow keeps each name, from 2.11 to 3.3: the task SDK first, the older place otherwise.

Every place here was imported on 2.11.2, 3.0.6, 3.1.8, 3.2.2 and 3.3.2, and the first that exists there warns on
none of them. A name is imported when it is first asked for (PEP 562), so no process pays for one it does not use.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.configuration import conf as conf
    from airflow.providers.openlineage.extractors import OperatorLineage as OperatorLineage
    from airflow.sdk import BaseHook as BaseHook
    from airflow.sdk import BaseOperator as BaseOperator
    from airflow.sdk import BaseOperatorLink as BaseOperatorLink
    from airflow.sdk import BaseSensorOperator as BaseSensorOperator
    from airflow.sdk import BranchMixIn as BranchMixIn
    from airflow.sdk import Connection as Connection
    from airflow.sdk import Context as Context
    from airflow.sdk import ObjectStoragePath as ObjectStoragePath
    from airflow.sdk import PokeReturnValue as PokeReturnValue
    from airflow.sdk import RetryDecision as RetryDecision
    from airflow.sdk import RetryPolicy as RetryPolicy
    from airflow.sdk import get_current_context as get_current_context
    from airflow.sdk.bases.decorator import DecoratedOperator as DecoratedOperator
    from airflow.sdk.bases.decorator import Task as Task
    from airflow.sdk.bases.decorator import determine_kwargs as determine_kwargs
    from airflow.sdk.bases.decorator import task_decorator_factory as task_decorator_factory
    from airflow.sdk.exceptions import AirflowException as AirflowException
    from airflow.sdk.exceptions import AirflowFailException as AirflowFailException
    from airflow.sdk.exceptions import AirflowNotFoundException as AirflowNotFoundException
    from airflow.sdk.exceptions import AirflowSkipException as AirflowSkipException
    from airflow.sdk.execution_time.xcom import XCom as XCom
    from airflow.sdk.log import mask_secret as mask_secret
    from airflow.sdk.observability.stats import Stats as Stats
    from airflow.sdk.plugins_manager import AirflowPlugin as AirflowPlugin
    from airflow.triggers.base import BaseTrigger as BaseTrigger
    from airflow.triggers.base import TriggerEvent as TriggerEvent

_IMPORT_PATHS = {
    "AirflowException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowFailException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowNotFoundException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),
    "AirflowSkipException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "BaseTrigger": ("airflow.triggers.base",),
    "BranchMixIn": ("airflow.sdk", "airflow.providers.standard.operators.branch", "airflow.operators.branch"),
    "Connection": ("airflow.sdk", "airflow.models"),
    "Context": ("airflow.sdk", "airflow.utils.context"),
    "DecoratedOperator": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
    "OperatorLineage": ("airflow.providers.openlineage.extractors",),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    "RetryDecision": ("airflow.sdk",),
    "RetryPolicy": ("airflow.sdk",),
    "Stats": ("airflow.sdk.observability.stats", "airflow.stats"),
    "Task": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "TriggerEvent": ("airflow.triggers.base",),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models"),
    "conf": ("airflow.configuration",),
    "get_current_context": ("airflow.sdk", "airflow.operators.python"),
    "determine_kwargs": ("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers"),
    "mask_secret": ("airflow.sdk.log", "airflow.utils.log.secrets_masker"),
    "task_decorator_factory": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
}

#: Names that not every release has: what they are for, and the first release that has them.
_MIN_VERSION = dict.fromkeys(("RetryDecision", "RetryPolicy"), ("Retry policies", "3.3"))

#: What each task instance has. A mock has mocks in their place.
_TASK_INSTANCE: dict[str, Any] = {
    **dict.fromkeys(("dag_id", "run_id", "task_id"), str),
    "map_index": int | None,
    **dict.fromkeys(("try_number", "max_tries"), int),
}


def __getattr__(name: str) -> Any:
    if name not in _IMPORT_PATHS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for module in _IMPORT_PATHS[name]:
        try:
            value = getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
        globals()[name] = value
        return value
    if name in _MIN_VERSION:
        what, release = _MIN_VERSION[name]
        raise ImportError(f"{what} need Airflow {release} or later, and this is Airflow {airflow_version()}.")
    raise ImportError(f"Airflow has no {name} in {' or '.join(_IMPORT_PATHS[name])}")


def airflow_version() -> str:
    """
    Return the version of the running Airflow.

    :return: the release, such as ``3.3.2``
    """
    from airflow import __version__

    return __version__


def to_asset(uri: str) -> Any:
    """
    Create an asset, which 2.11 calls a dataset.

    :param uri: URI of the asset
    :return: the asset
    """
    older = airflow_version().startswith("2.")
    module, name = ("airflow.datasets", "Dataset") if older else ("airflow.sdk", "Asset")
    return getattr(import_module(module), name)(uri)


def read_task_instance(context: Mapping[str, Any]) -> Any:
    """
    Read the task instance from a task's context.

    :param context: the task's context
    :return: the task instance; None if a unit test gives none, or a mock without ids
    """
    ti = context.get("ti")
    return ti if all(isinstance(getattr(ti, name, ...), kind) for name, kind in _TASK_INSTANCE.items()) else None


def read_task_state(ti: Any) -> str | None:
    """
    Read the state of a task instance, from a triggerer: 2.11 reads its database, 3 calls its API.

    :param ti: the task instance, as a triggerer gives it to its triggers
    :return: the state; None if it isn't set; ``removed`` if the task instance no longer exists
    """
    states = _states_in_database(ti) if airflow_version().startswith("2.") else _states_over_api(ti)
    return states[0] if states else "removed"


def _states_in_database(ti: Any) -> list[str | None]:
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    names = ("dag_id", "run_id", "task_id", "map_index")
    query = select(TaskInstance.state).where(*(getattr(TaskInstance, name) == getattr(ti, name) for name in names))
    with create_session() as session:
        return list(session.scalars(query))


def _states_over_api(ti: Any) -> list[str | None]:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states_by_run: dict[str, dict[str, str | None]] = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
    )
    return list(states_by_run.get(ti.run_id, {}).values())
