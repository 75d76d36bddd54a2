"""
Whether Airflow's own AI provider is here: one environment of the matrix has it.
"""

from __future__ import annotations

import importlib.util

import pytest


def is_installed() -> bool:
    try:
        return importlib.util.find_spec("airflow.providers.common.ai") is not None
    except ModuleNotFoundError:
        return False


needs_common_ai = pytest.mark.skipif(not is_installed(), reason="only 3.3.2-ai has Airflow's AI provider")
