"""What is in the wheel and in the source distribution."""

from __future__ import annotations

import tarfile
import zipfile
from email.parser import Parser

import pytest

pytestmark = pytest.mark.package

PACKAGE = "apache_airflow_provider_ovhcloud_ai"


def files_below(folder):
    """Relative paths of the files that belong to the project."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def read_wheel(path):
    """Content of a wheel by name, apart from its own description of itself."""
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
        return {name: wheel.read(name) for name in names}


def metadata(path):
    with zipfile.ZipFile(path) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_exactly_provider_under_its_import_name(dist, tree):
    expected = {f"{PACKAGE}/{name}" for name in files_below(tree / "provider")}
    assert f"{PACKAGE}/py.typed" in expected
    assert set(read_wheel(dist.wheel)) == expected


def test_the_wheel_describes_itself_in_one_folder(dist):
    with zipfile.ZipFile(dist.wheel) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
    version = metadata(dist.wheel)["Version"]
    assert tops == {PACKAGE, f"airflow_provider_ovhcloud_ai-{version}.dist-info"}


def test_the_wheel_is_the_same_built_from_the_tree(dist, tree, uv, tmp_path):
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, cwd=tree)
    (direct,) = tmp_path.glob("*.whl")
    assert direct.name == dist.wheel.name
    assert read_wheel(direct) == read_wheel(dist.wheel)


@pytest.mark.parametrize(
    "folder", [".ci", ".github", "provider", "tests", "docs", "example_dags", "benchmarks", "constraints", "scripts"]
)
def test_the_source_distribution_holds_the_folder(folder, dist, tree):
    with tarfile.open(dist.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {f"{folder}/{name}" for name in files_below(tree / folder)}
    assert expected - names == set()


def test_metadata_is_what_an_index_and_airflow_need(dist):
    fields = metadata(dist.wheel)
    # Airflow refuses the hooks of a distribution whose name begins with "apache-airflow".
    assert fields["Name"] == "airflow-provider-ovhcloud-ai"
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["Requires-Python"] == ">=3.11"
    assert fields["Description-Content-Type"] == "text/markdown"
    assert set(fields.get_all("Provides-Extra")) == {"fab", "common-ai", "parquet", "test"}
