"""
From `apache-airflow-provider-ovhcloud-ai`, which has the same import name: installed over it, and cleaned up after.

Both distributions own `apache_airflow_provider_ovhcloud_ai/__init__.py` and others; pip does not mind.
"""

from __future__ import annotations

import re
import shlex

import pytest

pytestmark = pytest.mark.package

OLD, NEW = "apache-airflow-provider-ovhcloud-ai", "airflow-provider-ovhcloud-ai"
ADVICE = re.compile(rf"{OLD} is installed beside {NEW} .*? Run: (pip uninstall .*? && pip install {NEW})")

#: Where a task puts the answer, whatever the release does with its log.
DAG = """
import os, pathlib
from datetime import datetime
from airflow import DAG
from airflow.{decorators} import task
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

with DAG("upgraded", start_date=datetime(2026, 1, 1), schedule=None):
    ask = OVHCloudAIEndpointsChatOperator(
        task_id="ask", model="gpt-oss-120b", messages=[{{"role": "user", "content": "Still there?"}}]
    )

    @task
    def keep(response):
        pathlib.Path(os.environ["ANSWER"]).write_text(response["choices"][0]["message"]["content"])

    keep(ask.output)
"""


class Upgraded:
    """An environment with an Airflow, the old distribution, and this one installed over it with pip."""

    def __init__(self, venv, bootstrap, release, wheel):
        self.release, self.wheel = release, wheel
        self.env = venv(bootstrap.pick(bootstrap.ENVS[release].pythons, release))
        pins = bootstrap.PINS / f"airflow-{release}.txt"
        self.env.install("--constraints", pins, f"apache-airflow=={release}", f"{OLD}==1.0.0", "pip")
        self.pip("install", "--no-index", str(wheel))

    def pip(self, *words):
        return self.env.run("python", "-m", "pip", *words)

    def follow(self, advice):
        """Do what the warning says; the wheel stands for what an index would give."""
        for command in advice.split(" && "):
            _, *words = shlex.split(command)
            local = ["install", "--no-index", str(self.wheel)]
            self.pip(*(local if words == ["install", NEW] else words))

    def chat(self, sandbox):
        """Run a DAG that asks the sandbox, and hand back the answer."""
        answer, dags = self.env.path / "answer.txt", self.env.path / "airflow" / "dags"
        dags.mkdir(parents=True, exist_ok=True)
        answer.unlink(missing_ok=True)
        (dags / "upgraded.py").write_text(DAG.format(decorators="decorators" if self.release < "3" else "sdk"))
        self.env.environment |= {
            "ANSWER": str(answer),
            "AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT": sandbox.connection_json,
        }
        if not (self.env.path / "airflow" / "airflow.db").exists():
            self.env.run("airflow", "db", "migrate")
        self.env.run("airflow", "dags", "test", "upgraded")
        return answer.read_text(encoding="utf-8")

    def list_items(self, *words):
        """Output of `airflow providers ...`, and how often it gave the advice."""
        printed = self.env.run("airflow", "providers", *words, "--output", "plain")
        return printed, ADVICE.findall(printed)


@pytest.fixture(params=["2.11.2", "3.3.2"])
def upgraded(request, venv, bootstrap, dist):
    return Upgraded(venv, bootstrap, request.param, dist.wheel)


def test_upgrade_and_clean_up(upgraded, ovh_ai_endpoints_sandbox):
    assert upgraded.env.run("airflow", "version").splitlines()[-1] == upgraded.release
    providers, (advice,) = upgraded.list_items("list")
    assert re.search(rf"^{NEW} .*", providers, re.MULTILINE)
    hooks, _ = upgraded.list_items("hooks")
    assert re.search(r"^ovh_ai_endpoints .*OVHCloudAIEndpointsHook", hooks, re.MULTILINE)
    assert "Error when importing" not in hooks
    assert "Still there?" in upgraded.chat(ovh_ai_endpoints_sandbox)

    upgraded.pip("uninstall", "-y", OLD)
    package = next(upgraded.env.path.glob("lib/python*/site-packages")) / "apache_airflow_provider_ovhcloud_ai"
    assert not (package / "hooks" / "ai_endpoints.py").exists(), "what both own went with the old one"

    upgraded.follow(advice)
    providers, advices = upgraded.list_items("list")
    assert re.search(rf"^{NEW} .*", providers, re.MULTILINE)
    assert OLD not in providers
    assert advices == []
    assert not any((package.parent / left).exists() for left in ("hooks", "operators", "airflow_provider_ovhcloud_ai"))
    assert not (package / "operators" / "ai_training.py").exists()
    assert "Still there?" in upgraded.chat(ovh_ai_endpoints_sandbox)


def test_following_the_advice_at_once_cleans_up_as_well(upgraded):
    _, (advice,) = upgraded.list_items("list")
    upgraded.follow(advice)
    providers, advices = upgraded.list_items("list")
    assert re.search(rf"^{NEW} .*", providers, re.MULTILINE)
    assert advices == []
