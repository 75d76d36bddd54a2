"""What is built from the tree, and throw-away environments to install it in."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import release

ROOT = Path(__file__).resolve().parents[2]


def load_bootstrap():
    """scripts/bootstrap.py, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Dist(NamedTuple):
    sdist: Path
    wheel: Path


class Venv:
    """An environment of its own: nothing of the caller's Airflow reaches its commands."""

    def __init__(self, path, python, environment):
        self.path = path
        self.environment = {k: v for k, v in environment.items() if not k.startswith(("AIRFLOW", "PYTHON"))}
        self.environment |= {"AIRFLOW_HOME": str(path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        self.uv("venv", "--quiet", "--python", python, path)

    def uv(self, *words):
        """Run uv, which must succeed, and hand back what it said."""
        return self.run(sys.executable, "-m", "uv", *words)

    def install(self, *words):
        self.uv("pip", "install", "--quiet", "--python", self.path / "bin" / "python", *words)

    def run(self, command, *words):
        """Run a command of this environment, which must succeed, and hand back all that it printed."""
        done = subprocess.run(
            [self.path / "bin" / command, *words],
            env=self.environment,
            cwd=self.path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command} {words} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def bootstrap():
    return load_bootstrap()


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy of the tree as a clone would have it, to build from: nothing old can leak in, nothing out."""
    made_here = (".git", ".venv*", ".airflow", "__pycache__", ".*_cache", "build", "dist", "site", "*.egg-info")
    copy = tmp_path_factory.mktemp("source") / "tree"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*made_here))
    return copy


@pytest.fixture(scope="session")
def uv(bootstrap):
    """Run uv in a folder and hand back what it printed."""

    def run(*words, cwd=ROOT, stdin=""):
        command = [sys.executable, "-m", "uv", *map(str, words)]
        environment = bootstrap.registry_environment()
        done = subprocess.run(
            command, cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def epoch():
    """When what is built was last changed."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "1767225600"))


@pytest.fixture(scope="session")
def dist(tree, epoch, tmp_path_factory):
    """The source distribution and the wheel made from it: those in $DIST, or built here."""
    if "DIST" not in os.environ:
        return Dist(*release.build(tree, tmp_path_factory.mktemp("dist"), epoch))
    (sdist,), (wheel,) = (Path(os.environ["DIST"]).glob(kind) for kind in ("*.tar.gz", "*.whl"))
    return Dist(sdist, wheel)


@pytest.fixture
def venv(tmp_path, bootstrap):
    """Make an environment on a Python: by default the one that runs the tests."""
    return lambda python=sys.executable: Venv(tmp_path / "env", python, bootstrap.registry_environment())
