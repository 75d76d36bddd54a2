"""
Targets for tests that do not run each time: each file that they name is run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.needs import missing

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", ["faults", "soak"])
def test_no_file_that_a_target_names_is_left_out(target: str) -> None:
    """As pytest does without a word, where its folder is named too."""
    if not shutil.which("make"):
        missing("make is not installed")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    make = ["make", "-n", target, f"RUN={sys.executable}", "ARGS=--collect-only"]
    planned = subprocess.run(make, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    command = planned.stdout.splitlines()[-1]
    words = [word for word in command.split() if word.startswith("tests/")]
    named = {str(file.relative_to(ROOT)) for word in words for file in ROOT.glob(word)}
    collected = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert named
    assert set(re.findall(r"^(tests/.+?)::", collected.stdout, re.MULTILINE)) == named, collected.stdout[-2000:]
