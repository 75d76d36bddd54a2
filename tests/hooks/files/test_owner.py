"""
The task that writes a folder.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.files.owner import read_current_owner, read_owner
from support.operator_cases import make_context

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(("tries", "is_last"), [((1, 0), True), ((1, 2), False), ((3, 2), True)])
def test_owner_is_the_task_instance(tries: tuple[int, int], is_last: bool) -> None:
    context = make_context()
    context["ti"].try_number, context["ti"].max_tries = tries
    owner = read_owner(context)
    assert owner is not None
    assert owner.identity == {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1}
    assert owner.is_last_try == is_last


@pytest.mark.parametrize("context", [{}, {"ti": None}])
def test_unit_test_without_a_task_instance_has_no_owner(context: dict[str, Any]) -> None:
    assert read_owner(context) is None


def test_program_outside_a_task_has_no_owner() -> None:
    assert read_current_owner() is None
