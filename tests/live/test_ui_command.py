"""`make ui`, and the leash that lets nothing outlive it."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import local_airflow
import psutil
import pytest

from .rest import Rest, eventually

SCRIPTS = Path(local_airflow.__file__).parent
CONN_ID = "ovh_ai_endpoints_default"

#: A process that starts another one in a group of its own, as Airflow's tasks are.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def held() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, local_airflow.__file__, sys.executable, "-c", FAMILY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as leash:
        yield leash


def test_a_leash_ends_all_that_was_started_when_its_holder_lets_go(held: subprocess.Popen[str]) -> None:
    family = [psutil.Process(int(pid)) for pid in held.stdout.readline().split()]
    assert len(alive(family)) == 2
    held.stdin.close()
    held.wait(60)
    eventually(lambda: alive(family), lambda alive_processes: not alive_processes)


@pytest.fixture
def command(airflow_release: tuple[int, ...]) -> Iterator[subprocess.Popen[str]]:
    if airflow_release < (3, 3):
        pytest.skip("make ui runs the newest release")
    with subprocess.Popen(
        [sys.executable, SCRIPTS / "ui.py"], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        yield running
        running.terminate()


def test_make_ui_has_all_that_it_promises_and_leaves_nothing(command: subprocess.Popen[str]) -> None:
    lines = iter(command.stdout.readline, "")
    greeting = "".join(line for line in iter(lambda: next(lines), "    Press Ctrl-C to end it.\n"))
    url = re.search(r"Airflow +(http\S+)", greeting).group(1)
    rest = Rest(SimpleNamespace(url=url, release=(3, 3)))
    answer = rest.post("/connections/test", rest.get(f"/connections/{CONN_ID}"))
    assert answer.body["message"].startswith("OK: token accepted. ")
    dags = eventually(lambda: rest.get("/dags")["dags"], lambda dags: len(dags) >= 8)
    assert not any(dag["is_paused"] for dag in dags)
    started = psutil.Process(command.pid).children(recursive=True)
    command.send_signal(signal.SIGINT)
    assert command.wait(120) == 0
    assert "nothing is left running" in "".join(lines)
    eventually(lambda: alive(started), lambda alive_processes: not alive_processes)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that nobody has buried yet does not."""
    alive_processes = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive_processes.append(process)
    return alive_processes
