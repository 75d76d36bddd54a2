"""
The provider fits beside what each Airflow release pins.

The package index is seen as of the end of the day on which the release was uploaded, so nothing newer can help.
"""

from __future__ import annotations

import datetime
import re
import tomllib

import pytest

from .conftest import ROOT, load_bootstrap

pytestmark = pytest.mark.package

RELEASES = load_bootstrap().RELEASES
NAME = "airflow-provider-ovhcloud-ai"


@pytest.fixture
def resolve(uv, dist):
    """Versions that a fresh installation on a day would get."""

    def run(day, *requirements):
        end = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
        scope = ["--universal", "--python-version", "3.11", "--exclude-newer", f"{end}T00:00:00Z"]
        bare = ["--quiet", "--no-config", "--no-header", "--no-annotate"]
        printed = uv("pip", "compile", *scope, *bare, "-", stdin="\n".join(requirements))
        return pins(printed)

    return run


def pins(text):
    """Versions of a resolution, without the conditions on Python and platform."""
    lines = [line for line in text.splitlines() if line[0] not in "# -"]
    return {line.partition(" ;")[0] for line in lines}


@pytest.mark.parametrize("release", RELEASES)
def test_it_adds_nothing_to_a_plain_airflow(release, resolve, dist):
    day = RELEASES[release]
    alone = resolve(day, f"apache-airflow=={release}")
    together = resolve(day, f"apache-airflow=={release}", f"{NAME} @ {dist.wheel.as_uri()}")
    (ours,) = together - alone
    assert ours.startswith(f"{NAME} @ ")
    assert alone < together


@pytest.mark.parametrize("release", RELEASES)
def test_the_form_extra_changes_no_pin_beside_the_fab_provider(release, resolve, dist, bootstrap):
    recorded = pins((bootstrap.PINS / f"airflow-{release}.txt").read_text(encoding="utf-8"))
    fab = "apache-airflow-providers-fab"
    wheel = f"{NAME}[fab] @ {dist.wheel.as_uri()}"
    together = resolve(RELEASES[release], f"apache-airflow=={release}", fab, wheel)
    (ours,) = together - recorded
    assert ours.startswith(f"{NAME} @ ")
    assert recorded < together


def test_each_floor_is_a_version_that_the_matrix_runs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bootstrap = load_bootstrap()
    run = bootstrap.parse_pins(bootstrap.constraints(bootstrap.ENVS["2.11.2-lowest"]))
    extras = project["optional-dependencies"]
    for requirement in project["dependencies"] + extras["fab"] + extras["parquet"]:
        name, floor = requirement.split(">=")
        (pin,) = run[name]
        assert f"{pin}.".startswith(f"{name}=={floor}."), requirement


def test_the_constraint_files_hold_pins_alone():
    """No index, path or option of the machine that wrote them."""
    files = list((ROOT / "constraints").iterdir())
    others = {"dev.txt", "tools.txt", "common-ai.txt", "fuzz.txt", "lowest.txt", "newest.txt"}
    assert {file.name for file in files} == others | {f"airflow-{r}.txt" for r in RELEASES}
    for file in files:
        comment, *lines = file.read_text(encoding="utf-8").splitlines()
        assert comment.startswith("# ")
        assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!]+( ; .+)?", line)] == []


def test_make_runs_the_matrix_that_the_environments_are_made_for():
    (matrix,) = re.findall(r"^MATRIX \?= (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    environments = [name for name, env in load_bootstrap().ENVS.items() if env.path.name == f"airflow-{name}"]
    # The newest alone is what `make test` runs on.
    assert matrix.split() == [name for name in environments if name != load_bootstrap().NEWEST]
    assert {name.partition("-")[0] for name in environments} == set(RELEASES)
