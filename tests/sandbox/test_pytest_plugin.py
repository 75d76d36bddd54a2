"""The fixtures as a user's own test suite gets them: in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = """
import json, os, urllib.request

def test_connection(ovh_ai_endpoints_sandbox, ovh_ai_endpoints_connection):
    assert ovh_ai_endpoints_connection == "ovh_ai_endpoints_default"
    fields = json.loads(os.environ["AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT"])
    assert fields["conn_type"] == "ovh_ai_endpoints"
    assert fields["host"] == ovh_ai_endpoints_sandbox.base_url
    assert fields["port"] == ovh_ai_endpoints_sandbox.port
    request = urllib.request.Request(
        fields["host"] + "/chat/completions",
        json.dumps({"model": fields["extra"]["chat_model"], "messages": [{"role": "user", "content": "Hi"}]}).encode(),
        {"Authorization": "Bearer " + fields["password"]},
    )
    assert "Hi" in json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"]
    assert len(ovh_ai_endpoints_sandbox.requests) == 1

def test_the_next_test_has_a_fresh_one(ovh_ai_endpoints_sandbox):
    assert ovh_ai_endpoints_sandbox.requests == []
    assert "AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT" not in os.environ
"""


def test_fixtures_in_a_suite_that_asks_for_them(tmp_path: Path) -> None:
    plugin = "apache_airflow_provider_ovhcloud_ai.sandbox.pytest_plugin"
    (tmp_path / "conftest.py").write_text(f"pytest_plugins = ['{plugin}']\n")
    (tmp_path / "test_dag.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout


def test_pytest_is_loaded_by_the_plugin_alone() -> None:
    code = "import sys, apache_airflow_provider_ovhcloud_ai.sandbox; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
