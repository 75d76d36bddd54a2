"""
What the plugin module costs a task: python import_plugin.py
"""

from __future__ import annotations

import json
import sys
import time

import airflow.sdk.execution_time.task_runner  # noqa: F401  (a task has it loaded)

started = time.perf_counter()
from apache_airflow_provider_ovhcloud_ai.ui.console import plugin  # noqa: E402, F401  (loading is what is measured)

milliseconds = (time.perf_counter() - started) * 1000
print(json.dumps({"milliseconds": milliseconds, "fastapi": "fastapi" in sys.modules}))
