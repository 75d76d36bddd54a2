"""scripts/bootstrap.py on machines that lack something, and on one that lacks nothing."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from uv import find_uv_bin

pytestmark = pytest.mark.package


@pytest.fixture
def clone(tree, tmp_path):
    return Path(shutil.copytree(tree, tmp_path / "clone"))


def bootstrap_in(clone, *names, **environment):
    """Run the script as a person does, with nothing of pyenv and no uv in sight."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "PYTHON", "VENV", "VIRTUAL"))}
    return subprocess.run(
        [sys.executable, clone / "scripts" / "bootstrap.py", *names],
        env={**inherited, "PATH": "/usr/bin:/bin", "PYENV_ROOT": str(clone), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(done):
    """The one sentence with which the script gave up."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def every_python(folder, name, code):
    """Environment in which every Python meets a module of this name before its own."""
    folder.mkdir()
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def program(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def pythons(bootstrap, tmp_path, monkeypatch):
    """Which Pythons are found where PATH and pyenv's home are folders of the test."""

    def find(*folders):
        monkeypatch.setenv("PATH", os.pathsep.join(str(tmp_path / folder) for folder in folders))
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        return bootstrap.find_pythons.__wrapped__()

    return find


def test_shims_that_do_not_run_are_passed_over(pythons, tmp_path):
    program(tmp_path / "shims" / "python3.13", "echo 'python3.13: command not found' >&2", "exit 127")
    program(tmp_path / "shims" / "python3.14", "exit 0")
    program(tmp_path / "behind" / "python3.14", "echo 3.99 /behind/python")
    mine = "{}.{}".format(*sys.version_info[:2])
    assert pythons("shims", "behind") == {"3.99": "/behind/python", mine: sys._base_executable}


def test_pythons_that_only_pyenv_knows_are_found(pythons, tmp_path):
    program(tmp_path / "versions" / "3.98.1" / "bin" / "python", "echo 3.98 /pyenv/python")
    assert pythons("nowhere")["3.98"] == "/pyenv/python"


def test_error_without_a_new_python_names_the_one_needed(clone, tmp_path):
    old = every_python(tmp_path / "old", "sitecustomize", "import sys; sys.version_info = (3, 9, 2, 'final', 0)")
    assert refusal(bootstrap_in(clone, "demo", **old)) == (
        "bootstrap: demo needs Python 3.11 or 3.12 or 3.13 or 3.14; found 3.9. On Debian 12 or Ubuntu 24.04: "
        "apt-get install python3 python3-venv; elsewhere pyenv installs one."
    )


def test_venv_python_allows_no_other_version(clone):
    sentence = refusal(bootstrap_in(clone, "demo", VENV_PYTHON="3.10"))
    assert sentence.startswith("bootstrap: demo needs Python 3.11 or 3.12 or 3.13 or 3.14, VENV_PYTHON is 3.10; found ")


def test_error_without_venv_names_its_package(clone, tmp_path):
    bare = every_python(tmp_path / "bare", "ensurepip", "raise ImportError")
    sentence = refusal(bootstrap_in(clone, "demo", **bare))
    assert "ensurepip is missing" in sentence
    assert "apt-get install python3." in sentence
    assert sentence.endswith("-venv")


def test_an_unknown_name_gets_the_list(clone):
    assert refusal(bootstrap_in(clone, "2.10")).startswith("bootstrap: give one or more of: demo, dev,")


def test_the_index_of_pips_environment_is_the_one_that_is_asked(clone):
    paths = []

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    uv = clone / ".venvs" / "uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.symlink_to(find_uv_bin())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index = f"http://127.0.0.1:{server.server_port}/of-the-house"
        done = bootstrap_in(clone, "tools", PIP_INDEX_URL=index)
        server.shutdown()
    assert "this failed, the reason is above: " in refusal(done)
    assert "/of-the-house/ruff/" in paths


def test_a_bare_clone_gets_its_environment_once(clone):
    first = bootstrap_in(clone, "demo")
    assert first.stdout.startswith(".venv: installing what demo needs, on "), first.stderr
    command = [clone / ".venv" / "bin" / "airflow", "version"]
    home = {"AIRFLOW_HOME": str(clone / "home"), "PATH": os.environ["PATH"]}
    result = subprocess.run(command, env=home, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "3.3.2"
    with (clone / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[tool.some-linter]\nstrict = true\n")
    release = re.search(r"^version_info = (\d+\.\d+)", (clone / ".venv" / "pyvenv.cfg").read_text(), re.MULTILINE)[1]
    for choice in {}, {"VENV_PYTHON": release}:
        again = bootstrap_in(clone, "demo", **choice)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert "VENV_PYTHON is 3.10" in refusal(bootstrap_in(clone, "demo", VENV_PYTHON="3.10"))
