"""
A process that writes parts is killed at any moment: whatever has a part's name is complete.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.rows import formats, part_names
from apache_airflow_provider_ovhcloud_ai.rows.folder import MANIFEST, Folder

pytestmark = pytest.mark.slow

ROWS = [{"id": n} for n in range(40)]
PART = 10
#: Large, so that much of the time goes into writing.
TEXT = random.Random(7).randbytes(150_000).hex()
KILLS = 15


def result(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "text": f"{row['id']} {TEXT}", "vector": array("f", [row["id"]] * 64)}


def write(path: Path, kind: str, *, again: bool) -> Folder:
    folder = Folder(path, kind, {"model": "m"}, vectors="vector")
    folder.begin()
    for index, rows in part_names.split(ROWS, PART):
        name = folder.build_name(index, rows)
        if again or not folder.has(name):
            folder.write(name, [result(row) for row in rows])
    return folder


def serve(path: Path, kind: str) -> None:
    """For each line on stdin, start a process that writes until it is killed, and print its id."""
    formats.check(kind, "vector")
    warnings.simplefilter("ignore")  # pyarrow has threads, which the copy does not need
    for _ in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)
            os.waitpid(pid, 0)
            print("dead", flush=True)
            continue
        while True:
            write(path, kind, again=False).finish({})
            write(path, kind, again=True)


@pytest.fixture
def kill(tmp_path: Path) -> Iterator[Callable[[str, float], None]]:
    started: list[subprocess.Popen[str]] = []

    def run(kind: str, seconds: float) -> None:
        if not started:
            command = [sys.executable, __file__, str(tmp_path), kind]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            started.append(subprocess.Popen(command, **pipes, start_new_session=True))
        (server,) = started
        assert server.stdin
        assert server.stdout
        print("go", file=server.stdin, flush=True)
        pid = int(server.stdout.readline())
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        assert server.stdout.readline() == "dead\n"

    yield run
    for server in started:
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate()


@pytest.mark.parametrize("kind", formats.SUFFIXES)
def test_no_half_part_has_the_name_of_a_part(tmp_path: Path, kind: str, kill: Callable[[str, float], None]) -> None:
    halves = 0
    for n in range(KILLS):
        kill(kind, 0.2 * n / KILLS)
        left = os.listdir(tmp_path)
        halves += sum(name.startswith(".") for name in left)
        reader = Folder(tmp_path, kind, {"model": "m"}, vectors="vector")
        reader.begin()
        assert not any(name.startswith(".") for name in os.listdir(tmp_path))
        for index, rows in part_names.split(ROWS, PART):
            name = reader.build_name(index, rows)
            if reader.has(name):
                assert reader.read(name) == [result(row) for row in rows]
            else:
                assert MANIFEST not in left
    print(f"{halves} of {KILLS} were killed while they wrote a file")
    assert write(tmp_path, kind, again=False).finish({})["rows"] == len(ROWS)
    assert len(os.listdir(tmp_path)) == 1 + 4 * len(formats.SUFFIXES[kind])


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
