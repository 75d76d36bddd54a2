"""
What importing one operator costs a process that runs tasks: milliseconds, modules, and which of the heavy ones.

    python import_one.py MODULE CLASS OWN_PREFIX
"""

from __future__ import annotations

import importlib
import json
import sys
import time

from airflow.sdk import BaseHook, BaseOperator  # noqa: F401  (loaded in every task)

module, name, own = sys.argv[1:]
before = set(sys.modules)
started = time.perf_counter()
getattr(importlib.import_module(module), name)
milliseconds = (time.perf_counter() - started) * 1000
foreign = [each for each in set(sys.modules) - before if not each.startswith(own)]
heavy = [each for each in ("requests", "fastapi", "flask", "wtforms") if each in foreign]
print(json.dumps({"milliseconds": milliseconds, "foreign": len(foreign), "heavy": heavy}))
