"""
Workflows and pre-commit hooks run the project's own commands: each that they name exists, and none is left out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.needs import missing

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-config.yaml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))

COMMAND = re.compile(r"^(?:step [\w-]+ \d+ )?make (.+)", re.MULTILINE)


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def run_make(*words: str) -> str:
    if not shutil.which("make"):
        missing("make is not installed")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def read_targets() -> set[str]:
    return set(re.findall(r"^make ([a-z-]+)", run_make("help"), re.MULTILINE))


def read_matrix() -> list[str]:
    return run_make("--eval", "print-matrix: ; @echo $(MATRIX)", "print-matrix").split()


def parse_targets(script: str) -> Iterator[str]:
    """
    Yield the targets that a script makes.
    """
    for command in COMMAND.findall(script):
        yield from (word for word in shlex.split(command) if not word.startswith("-") and "=" not in word)


def iter_targets(workflow: Path) -> Iterator[str]:
    """
    Yield the targets that a workflow makes, for each value in the matrix of a job.
    """
    for job in load(workflow)["jobs"].values():
        scripts = [step["run"] for step in job["steps"] if "run" in step]
        for name, values in job.get("strategy", {}).get("matrix", {}).items():
            scripts = [script.replace(f"${{{{ matrix.{name} }}}}", value) for script in scripts for value in values]
        for script in scripts:
            yield from parse_targets(script)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_makes_targets_that_exist(workflow: Path) -> None:
    targets = set(iter_targets(workflow))
    assert targets
    assert targets - read_targets() - {f"on-{release}" for release in read_matrix()} == set()


def test_ci_makes_all_that_the_pipeline_makes() -> None:
    pipeline = set(parse_targets((ROOT / ".ci" / "run").read_text(encoding="utf-8")))
    each = {f"on-{release}" for release in read_matrix()}
    assert "test-matrix" in pipeline
    # Every other target prepares what it needs.
    assert set(iter_targets(ROOT / ".github" / "workflows" / "ci.yml")) == pipeline - {"setup", "test-matrix"} | each


def test_ci_runs_the_tests_on_each_supported_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    supported = re.findall(r":: (3\.\d+)", "\n".join(project["classifiers"]))
    (workflow,) = (load(file) for file in WORKFLOWS if file.stem == "ci")
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_only_the_job_that_publishes_may_do_more_than_read(workflow: Path) -> None:
    content = load(workflow)
    assert content["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in content["jobs"].items() if "permissions" in job}
    assert more == ({"publish": {"id-token": "write"}} if workflow.stem == "release" else {})


@pytest.mark.parametrize("form", FORMS, ids=lambda file: file.stem)
def test_an_issue_form_is_complete(form: Path) -> None:
    """Without one of these GitHub leaves the form out of the list."""
    needs = {"contact_links"} if form.stem == "config" else {"name", "description", "body"}
    assert needs <= set(load(form))


def test_hooks_run_what_lint_runs() -> None:
    """In the same environments, so that there is one place for versions."""
    repositories = load(HOOKS)["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    lint = run_make("-n", "lint")
    for hook in repositories[0]["hooks"]:
        assert f"\n{hook['entry']}" in lint
        assert os.access(ROOT / hook["entry"].split()[0], os.X_OK), "run make setup"
