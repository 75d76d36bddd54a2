"""
What `make demo` does with a token.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"
TOKEN = "canary-token-of-the-demo"

#: Runs the demo, and writes down each command that it starts.
LISTENER = """
import runpy, sys
def listen(event, details):
    if event == "subprocess.Popen":
        print("STARTED", details[1], flush=True)
sys.addaudithook(listen)
sys.path.insert(0, sys.argv[1])
runpy.run_path(sys.argv[2], run_name="__main__")
"""


@pytest.mark.airflow
def test_a_token_is_neither_an_argument_of_a_command_nor_shown() -> None:
    nowhere = "http://127.0.0.1:9"  # nothing asks the real service
    done = subprocess.run(
        [sys.executable, "-c", LISTENER, str(DEMO.parent), str(DEMO)],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "OVH_AI_ENDPOINTS_ACCESS_TOKEN": TOKEN,
            "HTTPS_PROXY": nowhere,
            "https_proxy": nowhere,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "STARTED" in done.stdout
    assert "Connection 'ovh_ai_endpoints_default' created" in done.stdout, done.stderr
    assert "roxy" in done.stdout, "the stored token was used to ask the service, by way of the proxy"
    assert done.returncode == 1
    assert TOKEN not in done.stdout + done.stderr
