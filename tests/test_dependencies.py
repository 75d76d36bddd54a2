"""
What the package imports is declared, guarded, or required by Airflow itself, in each release.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import apache_airflow_provider_ovhcloud_ai
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from supply_chain import NAME, tree

pytestmark = pytest.mark.airflow

ROOT = Path(apache_airflow_provider_ovhcloud_ai.__file__).parent
FILES = sorted(str(file.relative_to(ROOT)) for file in ROOT.rglob("*.py"))
DISTRIBUTIONS = metadata.packages_distributions()

#: Files that run only if another distribution is installed, and that distribution.
ONLY_WITH = {
    "client/chat/structured_output.py": "pydantic",  # of which the user gives a model class
    "connection/form.py": "flask-appbuilder",  # extra [fab]
    "hooks/common_ai.py": "apache-airflow-providers-common-ai[openai]",  # extra [common-ai]
    "hooks/methods/openai_client.py": "apache-airflow-providers-common-ai[openai]",  # for hooks/common_ai.py only
    "operators/_openlineage.py": "apache-airflow-providers-openlineage",  # which calls it
    "sandbox/pytest_plugin.py": "pytest",  # extra [test]
}
#: Files for one major release of Airflow.
MAJOR = {"ui/console/web/airflow2.py": "2", "ui/console/web/airflow3.py": "3"}


def iter_imports(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """
    List the imports below a node: the top-level module, and whether an ImportError is caught.
    """
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from ((alias.name.partition(".")[0], False) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield (node.module or "").partition(".")[0], False
    for child in ast.iter_child_nodes(node):
        is_guarded = isinstance(node, ast.Try) and child in node.body and catches_import_error(node)
        yield from ((name, caught or is_guarded) for name, caught in iter_imports(child))


def catches_import_error(node: ast.Try) -> bool:
    return any(handler.type and ast.unparse(handler.type) == "ImportError" for handler in node.handlers)


@cache
def list_required(extra: str) -> set[str]:
    """
    List the installed distributions that come with a requirement, itself included.
    """
    return tree(extra)


def list_distributions(module: str) -> set[str]:
    return {canonicalize_name(name) for name in DISTRIBUTIONS.get(module, [module])}


def find_undeclared(source: str, *beside: str) -> set[str]:
    """
    Find the modules that a source imports and that come neither with this package nor with what is beside it.
    """
    imports = set(iter_imports(ast.parse(source)))
    guarded = set().union(*(list_distributions(name) for name, is_guarded in imports if is_guarded))
    allowed = guarded.union(*map(list_required, [NAME, *beside, *guarded]))
    foreign = {name for name, _ in imports} - sys.stdlib_module_names - {"airflow"}
    return {name for name in foreign if not list_distributions(name) & allowed}


@pytest.mark.parametrize("file", FILES)
def test_imports_are_declared_or_guarded_or_required_by_airflow(file: str) -> None:
    if not metadata.version("apache-airflow").startswith(MAJOR.get(file, "")):
        pytest.skip(f"for Airflow {MAJOR[file]}")
    beside = [ONLY_WITH[file]] if file in ONLY_WITH else []
    if not all(map(list_required, beside)):
        pytest.skip(f"{beside[0]} is not installed here")
    undeclared = find_undeclared((ROOT / file).read_text(encoding="utf-8"), *beside)
    assert undeclared == set(), "declare it in pyproject.toml, or catch the ImportError and say what to install"


def test_undeclared_imports_are_found() -> None:
    lazy = "def f():\n    import numpy.linalg\n    from yaml_of_nobody import load\n    import requests, json\n"
    assert find_undeclared(lazy) == {"numpy", "yaml_of_nobody"}
    guarded = "try:\n    import numpy\nexcept ImportError:\n    import pyarrow\n"
    assert find_undeclared(guarded) == {"pyarrow"}
    assert find_undeclared(guarded, "pyarrow") == set()


def test_every_named_file_exists() -> None:
    assert (ONLY_WITH.keys() | MAJOR.keys()) <= set(FILES)


def test_airflow_requires_a_jsonschema_that_brings_referencing() -> None:
    floors = [
        Requirement(line)
        for name in list_required("apache-airflow")
        if name.startswith("apache-airflow")
        for line in metadata.requires(name) or []
        if line.startswith("jsonschema")
    ]
    assert any(not floor.marker and not floor.specifier.contains("4.17.3") for floor in floors)
