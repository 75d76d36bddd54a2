"""
One environment for each that is compared, all beside the same Airflow under its own pins, kept in .venvs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSIDE = Path(__file__).resolve().parent / "in_process"
sys.path.insert(0, str(ROOT / "scripts"))

import bootstrap  # noqa: E402  (scripts/ is no package)

PINS = bootstrap.PINS / f"airflow-{bootstrap.NEWEST}.txt"

#: What is installed beside Airflow: the newest of each peer that Airflow's pins allow. Ours comes from the tree.
WANTS = {
    "plain": [],
    "ours": [],
    "reference": ["apache-airflow-provider-ovhcloud-ai==1.0.0"],
    "openai": ["apache-airflow-providers-openai==2.1.0", "openai==3.54.0"],
}


class Environment:
    """
    A virtual environment with Airflow and perhaps one provider.

    :param name: a key of :data:`WANTS`
    """

    def __init__(self, name):
        self.path = bootstrap.VENVS / f"bench-{name}"
        self.python = self.path / "bin" / "python"
        self.wants = [f"apache-airflow=={bootstrap.NEWEST}", *WANTS[name]]

    def prepare(self):
        """Make it, unless it is there already."""
        mark = self.path / "bench.stamp"
        digest = hashlib.sha256(repr([self.wants, PINS.read_text("utf-8")]).encode()).hexdigest()
        if not mark.exists() or mark.read_text("utf-8") != digest:
            print(f"{self.path.relative_to(ROOT)}: installing {' '.join(self.wants)}", flush=True)
            python = bootstrap.pick(bootstrap.ANY, "the benchmark")
            bootstrap.run(bootstrap.uv(), "venv", "--quiet", "--clear", "--python", python, self.path)
            self.install("--constraints", PINS, *self.wants)
            mark.write_text(digest, encoding="utf-8")
        return self

    def install(self, *arguments):
        """Install into it, compiled, as pip does."""
        command = [bootstrap.uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", self.python]
        bootstrap.run(*command, *arguments)

    def distributions(self):
        """Name what is installed."""
        command = [bootstrap.uv(), "pip", "freeze", "--quiet", "--python", self.python]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return {line.replace("==", " @ ").split(" @ ")[0] for line in output.splitlines()}

    def command(self, script, *arguments):
        """The command that runs one of the scripts in ``in_process/``."""
        return [self.python, INSIDE / script, *map(str, arguments)]

    def run(self, script, *arguments, **variables):
        """Run one of the scripts in ``in_process/``, and hand back the last line that it prints."""
        with tempfile.TemporaryDirectory(prefix="ovh-ai-bench-") as home:
            done = subprocess.run(
                self.command(script, *arguments),
                env=clean_environment() | {"AIRFLOW_HOME": home} | variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=1_200,
            )
        if done.returncode:
            sys.exit(f"benchmark: {script} failed in {self.path.name}:\n{done.stdout}{done.stderr}")
        return done.stdout.splitlines()[-1]


def clean_environment():
    """Leave out what would change the figures: Airflow's settings, proxies, and Python's."""
    names = ("AIRFLOW", "_AIRFLOW", "OVH_", "OPENAI", "PYTHON")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return {name: value for name, value in variables.items() if not name.lower().endswith("_proxy")}


def prepare_all():
    """Make all, and install this tree's provider as a user gets it: built, not linked."""
    environments = {name: Environment(name).prepare() for name in WANTS}
    with tempfile.TemporaryDirectory(prefix="ovh-ai-bench-") as copy:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        shutil.copytree(ROOT / "provider", f"{copy}/provider", ignore=shutil.ignore_patterns("__pycache__"))
        environments["ours"].install("--no-deps", "--reinstall", copy)
        # Not --no-deps in the plan: what it would need beyond Airflow must show as a distribution added.
        environments["ours"].install("--constraints", PINS, copy)
    return environments
