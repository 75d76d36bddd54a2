from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from apache_airflow_provider_ovhcloud_ai import compat
from local_airflow import installed_release

pytestmark = pytest.mark.airflow

RELEASE = installed_release()
NEWER = {name for name, (_, release) in compat._MIN_VERSION.items() if tuple(map(int, release.split("."))) > RELEASE}
OPTIONAL = set() if importlib.util.find_spec("openlineage") else {"OperatorLineage"}
NAMES = sorted(set(compat._IMPORT_PATHS) - NEWER - OPTIONAL)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_name_is_what_airflow_calls_so(name: str) -> None:
    value = getattr(compat, name)
    assert getattr(compat, name) is value
    if name == "conf":
        assert value.get("core", "dags_folder")
        return
    # From 3.0 on the name XCom stands for whichever backend is configured.
    assert value.__name__.removeprefix("Base") == name.removeprefix("Base")
    assert callable(value)


def test_no_name_warns() -> None:
    code = f"""
import warnings, airflow
from apache_airflow_provider_ovhcloud_ai import compat
for name in {NAMES}:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        getattr(compat, name)
    # What a place imports may warn about other things.
    ours = (name, *compat._IMPORT_PATHS[name])
    print(*[w.message for w in said if any(word in str(w.message) for word in ours)])
"""
    assert run(code) == ""


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import sys; from apache_airflow_provider_ovhcloud_ai import compat; "
    assert run(code + "print([name for name in sys.modules if name.split('.')[0] == 'airflow'])") == "[]"


def test_first_place_that_exists_is_the_one() -> None:
    for name, places in compat._IMPORT_PATHS.items():
        for place in places:
            try:
                expected = getattr(importlib.import_module(place), name)
            except (ImportError, AttributeError):
                continue
            assert getattr(compat, name) is expected
            break


@pytest.mark.parametrize("name", ["Nothing", "__path__", "airflow"])
def test_unknown_names_are_unknown(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(compat, name)


def test_name_that_airflow_lost_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(compat._IMPORT_PATHS, "Gone", ("airflow.no_such_module", "airflow"))
    with pytest.raises(ImportError, match=r"Airflow has no Gone in airflow\.no_such_module or airflow"):
        _ = compat.Gone


@pytest.mark.parametrize("name", sorted(compat._MIN_VERSION))
def test_name_that_only_newer_releases_have(name: str) -> None:
    if name not in NEWER:
        assert getattr(compat, name).__module__.startswith("airflow.sdk.")
        return
    what, release = compat._MIN_VERSION[name]
    with pytest.raises(ImportError, match=rf"^{what} need Airflow {release} or later, and this is Airflow \d.*\d\.$"):
        getattr(compat, name)


def test_exceptions_are_those_that_airflow_catches() -> None:
    from airflow.exceptions import AirflowException

    assert compat.AirflowException is AirflowException
    assert issubclass(compat.AirflowFailException, AirflowException)
    assert issubclass(compat.AirflowNotFoundException, AirflowException)


def test_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert compat.airflow_version() == version("apache-airflow")
