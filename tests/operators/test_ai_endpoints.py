"""
The module that DAGs import operators from, each at its first use.
"""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator as Embedding
from support.operator_cases import execute

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


class TestLaziness:
    def test_names(self) -> None:
        assert set(ai_endpoints.__all__) == set(dir(ai_endpoints))
        for name in ai_endpoints.__all__:
            assert getattr(ai_endpoints, name).__name__ == name.replace("ChatCompletions", "Chat")
        with pytest.raises(AttributeError, match="no attribute 'Absent'"):
            ai_endpoints.Absent  # noqa: B018  (looking is what fails)

    def test_type_checkers_know_every_operator(self) -> None:
        tree = ast.parse(Path(ai_endpoints.__file__ or "").read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
        assert {alias.asname for node in imports for alias in node.names} == set(ai_endpoints.__all__)

    def test_the_module_imports_no_operator(self) -> None:
        code = f"import sys, {ai_endpoints.__name__}; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        package = ai_endpoints.__name__.partition(".")[0]
        modules = {name for name in done.stdout.split() if name.startswith((f"{package}.", "airflow"))}
        assert modules == {f"{package}.operators", ai_endpoints.__name__}

    def test_an_operator_that_has_run_travels_without_its_token(self) -> None:
        operator = Embedding(task_id="t", model="bge-m3", input="a")
        execute(operator)
        assert b"sandbox-token" not in pickle.dumps(operator.hook)
        assert operator.hook.get_conn() is operator.hook.get_conn()
