"""The reference says what the code says: its pages are as scripts/reference.py writes them, and it misses nothing."""

from __future__ import annotations

import ast
import inspect
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
OPERATORS = [getattr(operators, name) for name in operators.__all__]


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def own_parameters(operator: type[Any]) -> set[str]:
    """
    What our classes take, without what goes on to Airflow's.
    """
    ours = [base for base in operator.__mro__ if base.__module__.startswith("apache_airflow_provider_ovhcloud_ai")]
    found = [inspect.signature(vars(base)["__init__"]) for base in ours if "__init__" in vars(base)]
    taken = [each for signature in found for each in signature.parameters.values()]
    return {each.name for each in taken if each.kind is each.KEYWORD_ONLY}


def pushed_keys(operator: type[Any]) -> set[str]:
    """
    XCom keys that stand as texts in an operator's module.
    """
    nodes = ast.walk(ast.parse(Path(inspect.getfile(operator)).read_text(encoding="utf-8")))
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "xcom_push"]
    keys = [word.value for call in calls for word in call.keywords if word.arg == "key"]
    return {key.value for key in keys if isinstance(key, ast.Constant)} - {"return_value"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_is_as_the_code_is_now(reference: dict[str, Any], page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- generated: ") == text.count("<!-- end -->") > 0
    assert reference["filled"](text) == text, "`make reference` writes the pages anew"


def test_each_block_is_on_a_page(reference: dict[str, Any]) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in reference["BLOCKS"] if f"<!-- generated: {name} -->" not in text] == []


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_each_parameter_is_described(reference: dict[str, Any], operator: type[Any]) -> None:
    described = [each.arg_name for each in reference["docs_of"](operator).params]
    assert len(described) == len(set(described))
    assert set(described) <= own_parameters(operator)
    # An operator that asks no model says nothing of these two.
    assert own_parameters(operator) - set(described) <= {"extra_body", "render"}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_each_xcom_is_described(operator: type[Any]) -> None:
    missing = [key for key in pushed_keys(operator) if f"``{key}``" not in (operator.__doc__ or "")]
    assert missing == []
