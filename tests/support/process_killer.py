"""
A process that calls the hook and is killed in the middle.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CALL = """
import json, os, sys
from pathlib import Path
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

os.environ["AIRFLOW_CONN_C"], verb, rows, out, model, options = sys.argv[1:]
verb = getattr(OVHCloudAIEndpointsHook("c"), verb)
verb(json.loads(rows), Path(out), model, **json.loads(options))
"""


def kill_when(
    killed: Callable[[], bool], connection: dict[str, Any], verb: str, rows: Any, out: Path, model: str, **options: Any
) -> None:
    """
    Let a process of its own call the hook, and send it SIGKILL.

    :param killed: whether it is time
    :param connection: fields of the Airflow connection
    :param verb: ``embed_rows`` or ``chat_rows``, called with what follows
    """
    args = (json.dumps(connection), verb, json.dumps(rows), str(out), model, json.dumps(options))
    with subprocess.Popen([sys.executable, "-c", _CALL, *args]) as process:
        while not killed():
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    time.sleep(0.2)  # until what was under way is answered
