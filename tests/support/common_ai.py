"""
Whether Airflow's own AI provider is here: one environment of the matrix has it.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

#: Python that makes the provider missing.
ABSENT = "import sys; sys.modules['airflow.providers.common.ai.hooks.pydantic_ai'] = None\n"


def is_installed() -> bool:
    try:
        return importlib.util.find_spec("airflow.providers.common.ai") is not None
    except ModuleNotFoundError:
        return False


needs_common_ai = pytest.mark.skipif(not is_installed(), reason="only 3.3.2-ai has Airflow's AI provider")


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]
