"""
What type checkers know of the decorators is what the operators take; test_types.py has mypy itself.
"""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import BaseOperator
from apache_airflow_provider_ovhcloud_ai.decorators._base import FunctionOperator, list_parameters
from apache_airflow_provider_ovhcloud_ai.decorators.batch import BatchFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.bulk_chat import BulkChatFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.chat import ChatFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.embedding import EmbeddingFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.guard import GuardFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.parameters import (
    BatchParameters,
    BulkChatParameters,
    ChatParameters,
    EmbeddingParameters,
    GuardParameters,
    OperatorParameters,
)
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("typed", "operator", "wrapped"),
    [
        (BatchParameters, BatchFunctionOperator, operators.OVHCloudAIEndpointsBatchOperator),
        (BulkChatParameters, BulkChatFunctionOperator, operators.OVHCloudAIEndpointsBulkChatOperator),
        (ChatParameters, ChatFunctionOperator, operators.OVHCloudAIEndpointsChatOperator),
        (EmbeddingParameters, EmbeddingFunctionOperator, operators.OVHCloudAIEndpointsEmbeddingOperator),
        (GuardParameters, GuardFunctionOperator, operators.OVHCloudAIEndpointsGuardOperator),
    ],
)
def test_type_checkers_know_all_of_it(typed: Any, operator: type[FunctionOperator], wrapped: Any) -> None:
    # Of Airflow's own, 2.11 has one that is deprecated, and each has some that no task is given.
    airflows = set(inspect.signature(BaseOperator.__init__).parameters) - {"self", "kwargs", "task_concurrency"}
    assert airflows <= set(get_type_hints(OperatorParameters))
    ours = set(get_type_hints(typed)) - set(get_type_hints(OperatorParameters))
    assert ours == list_parameters(wrapped) - list_parameters(BaseOperator) - set(operator.fields_from_function)
    hints = inspect.signature(wrapped.__init__).parameters
    assert typed.__annotations__.keys() >= {name for name in ours if name in hints}
    # As texts: the operator's own are not evaluated either.
    annotations = {name: hint.__forward_arg__ for name, hint in typed.__annotations__.items()}
    assert {name: annotations[name] for name in ours if name in hints} == {
        name: hints[name].annotation for name in ours if name in hints
    }
