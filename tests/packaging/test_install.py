"""Each way to install, into a fresh environment, with Airflow, under the pins of its release."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.package

NAME = "airflow-provider-ovhcloud-ai"

#: Loads every entry point of the distribution, says where its package is and whether it is typed.
LOOK = f"""
import importlib.metadata, importlib.resources, json
distribution = importlib.metadata.distribution("{NAME}")
points = {{point.group: point.load() for point in distribution.entry_points}}
package = importlib.resources.files("apache_airflow_provider_ovhcloud_ai")
print("LOOK", json.dumps({{
    "told": points["apache_airflow_provider"]()["package-name"],
    "groups": sorted(points),
    "version": distribution.version,
    "place": str(package),
    "typed": (package / "py.typed").is_file(),
}}))
"""


def look(environment):
    """What the installed distribution says of itself."""
    printed = environment.run("python", "-c", LOOK)
    return json.loads(printed.partition("LOOK ")[2])


@pytest.mark.parametrize("how", ["wheel", "sdist", "editable"])
def test_it_installs_and_airflow_finds_it(how, dist, tree, venv, bootstrap):
    target = {"wheel": [dist.wheel], "sdist": [dist.sdist], "editable": ["-e", tree]}[how]
    pins = bootstrap.PINS / f"airflow-{bootstrap.NEWEST}.txt"
    environment = venv()
    environment.install("--constraints", pins, f"apache-airflow=={bootstrap.NEWEST}", *target)
    report = look(environment)
    assert report["told"] == NAME
    assert report["typed"]
    assert report["place"].startswith(str(tree if how == "editable" else environment.path))
    providers = environment.run("airflow", "providers", "list", "--output", "plain")
    assert [NAME, report["version"]] in [[line.split()[0], line.split()[-1]] for line in providers.splitlines() if line]


def test_it_adds_no_distribution_to_airflow(dist, venv, bootstrap):
    environment = venv()
    pins = bootstrap.PINS / f"airflow-{bootstrap.NEWEST}.txt"
    environment.install("--constraints", pins, f"apache-airflow=={bootstrap.NEWEST}")
    before = environment.uv("pip", "freeze", "--python", environment.path).splitlines()
    environment.install("--constraints", pins, dist.wheel)
    after = environment.uv("pip", "freeze", "--python", environment.path).splitlines()
    assert [line.split()[0] for line in set(after) - set(before)] == [NAME]
    assert set(before) <= set(after)
