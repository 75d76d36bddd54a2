"""
The live check, run against the sandbox: nine answers, and no token in them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "live_check.py"


def live_check(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def test_it_says_what_it_needs() -> None:
    done = live_check()
    assert done.returncode == 1
    assert done.stderr.startswith("Set OVH_AI_ENDPOINTS_ACCESS_TOKEN to a token")


def test_it_records_what_each_token_gets() -> None:
    with Sandbox(token="canary-3141592653") as sandbox:
        done = live_check(OVH_AI_ENDPOINTS_ACCESS_TOKEN=sandbox.token, OVH_AI_ENDPOINTS_BASE_URL=sandbox.base_url)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert [(row[0][2:], row[1]) for row in rows] == [
        (request, token)
        for request in ("GET /models", "POST /chat/completions", "GET /batches?limit=1")
        for token in ("good", "wrong", "none")
    ]
    assert rows[0][2].startswith("200")
    assert rows[4][2].startswith("403 Forbidden")
    assert "canary" not in done.stdout + done.stderr
