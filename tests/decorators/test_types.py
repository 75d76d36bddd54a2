"""
What a type checker says of a DAG that uses the decorators by their own names: mypy, on files as authors write them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import apache_airflow_provider_ovhcloud_ai
import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("mypy", reason="beside the newest Airflow only")

RIGHT = """
from datetime import timedelta
from typing import Any

from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat, ovh_embed


@ovh_chat
def bare() -> str:
    return "Why?"


@ovh_chat(model="m", temperature=0.2, output="text", retries=3, retry_delay=timedelta(minutes=1), pool="slow")
def ask(city: str, days: int = 1) -> str:
    return f"What to see in {city} in {days} days?"


@ovh_chat(temperature="{{ params.t }}", stop=["END"], system_prompt="Be brief.")
def messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": "Why?"}]


@ovh_embed(output_path="/tmp/vectors", concurrency=4)
def rows(found: Any) -> list[dict[str, Any]]:
    return [{"text": found}]


@ovh_embed
def texts() -> list[str]:
    return ["a"]


bare() >> ask("Lille", days=2)
ask.override(task_id="again").partial(days=3).expand(city=["Lyon"])
rows(ask("Metz"))
"""
#: What stands in a file of its own -> what mypy says of it.
WRONG = {
    '@ovh_chat(temperature=[0.2])\ndef ask() -> str:\n    return "a"': 'argument type "list[float]"',
    '@ovh_chat(temprature=0.2)\ndef ask() -> str:\n    return "a"': "temprature",
    '@ovh_chat(prompt="a")\ndef ask() -> str:\n    return "a"': "prompt",
    '@ovh_chat(retries="three")\ndef ask() -> str:\n    return "a"': 'argument type "str"',
    '@ovh_embed(output="text")\ndef embed() -> str:\n    return "a"': "output",
    "@ovh_chat\ndef ask() -> int:\n    return 7": '"Prompt"',
    '@ovh_chat(model="m")\ndef ask() -> None:\n    pass': '"Prompt"',
    "@ovh_embed\ndef embed() -> list[int]:\n    return [7]": '"Texts"',
    "@ovh_chat\ndef ask(city: str) -> str:\n    return city\n\nask(city=7)": '"city"',
    "@ovh_chat\ndef ask(city: str) -> str:\n    return city\n\nask()": "Too few arguments",
}
#: Of Airflow only what the decorators return is read: all that this imports takes thrice as long.
CONFIG = """
[mypy]
strict = true
follow_imports = silent
[mypy-airflow.*]
follow_imports = skip
[mypy-airflow.sdk.bases.decorator]
follow_imports = silent
"""
#: Quoted by the documentation, with a comment on each line that mypy refuses.
QUOTED = Path(__file__).with_name("mistyped.py")
HEAD = "from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat, ovh_embed\n\n\n"


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each file."""
    folder, path = tmp_path_factory.mktemp("dags"), tmp_path_factory.mktemp("path")
    # mypy does not follow the hook of an editable install.
    (path / apache_airflow_provider_ovhcloud_ai.__name__).symlink_to(
        Path(apache_airflow_provider_ovhcloud_ai.__file__).parent
    )
    (folder / "right.py").write_text(RIGHT, encoding="utf-8")
    (folder / "mypy.ini").write_text(CONFIG, encoding="utf-8")
    shutil.copy(QUOTED, folder)
    for number, source in enumerate(WRONG):
        (folder / f"wrong_{number}.py").write_text(HEAD + source + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "."],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    return {file.stem: [line for line in errors if line.startswith(f"{file.name}:")] for file in folder.glob("*.py")}


def test_what_is_right_passes(errors: dict[str, list[str]]) -> None:
    assert errors["right"] == []


def test_type_checker_reports_the_errors_in_the_documentation(errors: dict[str, list[str]]) -> None:
    lines = QUOTED.read_text(encoding="utf-8").splitlines()
    marked = [number for number, line in enumerate(lines, start=1) if "# mypy: " in line]
    assert len(marked) == 2
    assert sorted({int(line.split(":")[1]) for line in errors["mistyped"]}) == marked


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_type_checker_reports_wrong_code(errors: dict[str, list[str]], number: int) -> None:
    text = "\n".join(errors[f"wrong_{number}"])
    assert list(WRONG.values())[number] in text
