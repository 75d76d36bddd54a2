"""
The provider fits beside what each Airflow release pins.

The package index is seen as of the end of the day on which the release was uploaded, so nothing newer can help.
"""

from __future__ import annotations

import datetime

import pytest

from .conftest import load_bootstrap

pytestmark = pytest.mark.package

RELEASES = load_bootstrap().RELEASES
NAME = "airflow-provider-ovhcloud-ai"


@pytest.fixture
def resolve(uv, dist):
    """Versions that a fresh installation on a day would get."""

    def run(day, *wanted):
        end = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
        scope = ["--universal", "--python-version", "3.11", "--exclude-newer", f"{end}T00:00:00Z"]
        bare = ["--quiet", "--no-config", "--no-header", "--no-annotate"]
        printed = uv("pip", "compile", *scope, *bare, "-", given="\n".join(wanted))
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
