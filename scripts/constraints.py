#!/usr/bin/env python3
"""
Write constraints/ anew.

`airflow-X.txt` is what a fresh install of that release got at the end of its upload day, so it changes only
when a release is added. `dev.txt` (what the tests need beside Airflow) and `tools.txt` (what needs no
Airflow) are brought up to today. `dev.txt` is solved beside the oldest release, whose pins leave least room; what
only the newest is tested with, beside that one. `common-ai.txt` holds what Airflow's AI provider changes about these;
`lowest.txt` what the lowest versions that pyproject.toml allows do, and `newest.txt` what the newest of today do.
"""

from __future__ import annotations

import datetime
import subprocess
import tempfile
import tomllib
from pathlib import Path

from bootstrap import ENVS, NEWEST, PINS, RELEASES, ROOT, constraints, parse_pins, read_pins, registry_environment, uv


def compile_pins(*arguments, requirements=""):
    """
    Resolve for every platform and Python from 3.11 on, and hand back the pins alone.

    :param arguments: what to resolve, as `uv pip compile` takes it
    :param requirements: requirements, one a line, where "-" is among the arguments
    """
    scope = ["--quiet", "--no-config", "--universal", "--python-version", "3.11"]
    bare = ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    done = subprocess.run(
        [uv(), "pip", "compile", *scope, *bare, *arguments],
        input=requirements,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=registry_environment(),
        check=True,
    )
    return done.stdout


def airflow_pins(release, day):
    """Pins of one release and of the FAB provider, which draws the forms of 3.0 and 3.1."""
    end = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    requirements = f"apache-airflow=={release}\napache-airflow-providers-fab\n"
    dated = ["--exclude-newer", f"{end}T00:00:00Z"]
    return compile_pins("-", *dated, requirements=requirements)


def dev_pins():
    """Pins of what the tests need and Airflow does not bring."""
    oldest, newest = (PINS / f"airflow-{release}.txt" for release in (next(iter(RELEASES)), NEWEST))
    requirements = ["pyproject.toml", "--extra", "parquet", "--extra", "test", "--group", "dev", "--group", "types"]
    pins = beside(oldest, *requirements)
    groups = [word for group in ("s3", "stores", "lineage", "openai") for word in ("--group", group)]
    new = {name: lines for name, lines in beside(newest, *groups).items() if name not in pins}
    return "".join(f"{line}\n" for _, lines in sorted({**pins, **new}.items()) for line in lines)


def common_ai_pins():
    """Pins that differ with Airflow's AI provider from those beside the newest Airflow, as few as can be."""
    env = ENVS[f"{NEWEST}-ai"]
    with tempfile.TemporaryDirectory() as folder:
        # uv keeps what a file that it is to write holds already, where it can.
        file = Path(folder) / "pins.txt"
        file.write_text(constraints(env._replace(over=None)), encoding="utf-8")
        before = read_pins(file)
        extras = ["--extra", "common-ai", "--extra", "parquet", "--extra", "test", "--group", "dev"]
        compile_pins(
            "pyproject.toml", "-", *extras, "--output-file", str(file), requirements=f"apache-airflow=={NEWEST}\n"
        )
        after = read_pins(file)
    return changes(before, after)


def changes(before, after):
    """Pins that are not what they were."""
    return "".join(f"{line}\n" for name, lines in after.items() if lines != before.get(name) for line in lines)


def resolve(requirements, *arguments):
    """Pins by name of the provider with the extras of its form and of Parquet, beside an Airflow."""
    extras = ["--extra", "fab", "--extra", "parquet"]
    return parse_pins(compile_pins("pyproject.toml", "-", *extras, *arguments, requirements=requirements))


def lowest_pins():
    """The lowest versions of what the project asks for itself, beside the oldest Airflow and the rest of its pins."""
    oldest = next(iter(RELEASES))
    before = {**read_pins(PINS / "dev.txt"), **read_pins(PINS / f"airflow-{oldest}.txt")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    ours = project["dependencies"] + extras["fab"] + extras["parquet"]
    free = {requirements.partition(">=")[0] for requirements in ours}
    with tempfile.TemporaryDirectory() as folder:
        rest = Path(folder) / "rest.txt"
        rest.write_text("".join(f"{line}\n" for name in before.keys() - free for line in before[name]), "utf-8")
        lowest = ["--resolution", "lowest-direct", "--constraints", str(rest)]
        return changes(before, resolve(f"apache-airflow=={oldest}\n", *lowest))


def newest_pins():
    """What a fresh install gets today that follows no constraint file of Airflow's."""
    before = read_pins(PINS / f"airflow-{NEWEST}.txt")
    fresh = ["--extra", "test", "--group", "dev"]
    after = resolve(f"apache-airflow=={NEWEST}\napache-airflow-providers-fab\n", *fresh)
    return changes({**read_pins(PINS / "dev.txt"), **before}, after)


def beside(airflow, *requirements):
    """Pins by name of what an Airflow release does not pin itself."""
    pins = parse_pins(compile_pins(*requirements, "--constraints", airflow))
    return {name: pins[name] for name in pins.keys() - read_pins(airflow)}


def write(name, comment, pins):
    """Write one file."""
    (PINS / name).write_text(f"# {comment}\n{pins}", encoding="utf-8")
    print(f"{name}: {len(pins.splitlines())} pins")


def main():
    """Write all files."""
    for release, day in RELEASES.items():
        comment = f"Airflow {release} as a fresh install was on {day}, with the FAB provider."
        write(f"airflow-{release}.txt", comment, airflow_pins(release, day))
    write("dev.txt", "What the tests need beside Airflow, whose own pins win.", dev_pins())
    write("common-ai.txt", f"What Airflow's AI provider needs beside Airflow {NEWEST}; it wins.", common_ai_pins())
    write("lowest.txt", f"The lowest versions allowed, beside Airflow {next(iter(RELEASES))}; they win.", lowest_pins())
    write("newest.txt", f"The newest versions, beside Airflow {NEWEST}; they win.", newest_pins())
    write("tools.txt", "What needs no Airflow.", compile_pins("--group", "tools"))
    # 3.0 is the last with a wheel for Python 3.11; to build it takes LLVM.
    write("fuzz.txt", "The fuzzer, beside Airflow.", compile_pins("-", requirements="atheris<3.1\n"))


if __name__ == "__main__":
    main()
