"""
The targets for tests: each test is run by one of them, and each file that one names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.needs import missing

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
# Those that run parts of the tests on the newest Airflow.
TARGETS = ("test", "test-slow", "test-live")


# The tests that `make release` runs on what it has built.
RELEASE = f"{sys.executable} -m pytest tests/packaging --collect-only -q"


def plan(target: str, arguments: str) -> str:
    """Return the command with which a target starts pytest."""
    if not shutil.which("make"):
        missing("make is not installed")
    make = ["make", "-n", target, f"RUN={sys.executable}", f"ARGS={arguments}"]
    planned = subprocess.run(make, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return planned.stdout.splitlines()[-1]


def collect(command: str) -> list[str]:
    result = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:]
    return re.findall(r"^tests/.+?::.+", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("target", ["faults", "soak"])
def test_no_file_that_a_target_names_is_left_out(target: str) -> None:
    """As pytest does without a word, where its folder is named too."""
    command = plan(target, "--collect-only")
    words = [word for word in command.split() if word.startswith("tests/")]
    named = {str(file.relative_to(ROOT)) for word in words for file in ROOT.glob(word)}
    assert named
    assert {test.split("::")[0] for test in collect(command)} == named


@pytest.mark.slow
def test_each_test_is_run_by_one_target_of_the_pipeline() -> None:
    pipeline = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split()
    assert {*TARGETS, "release"} <= set(pipeline)
    assert '"pytest", "tests/packaging"' in (ROOT / "scripts" / "release.py").read_text(encoding="utf-8")
    run = Counter(collect(RELEASE))
    for target in TARGETS:
        run.update(collect(plan(target, "--collect-only -q")))
    assert run == Counter(collect(f"{sys.executable} -m pytest --collect-only -q"))
