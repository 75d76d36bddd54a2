"""The reference says what the code says: its pages are as scripts/reference.py writes them, and it misses nothing."""

from __future__ import annotations

import ast
import inspect
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import reference
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
OPERATORS = [getattr(operators, name) for name in operators.__all__]


def own_parameters(operator: type[Any]) -> set[str]:
    """
    What our classes take, without what goes on to Airflow's.
    """
    ours = [base for base in operator.__mro__ if base.__module__.startswith("apache_airflow_provider_ovhcloud_ai")]
    signatures = [inspect.signature(vars(base)["__init__"]) for base in ours if "__init__" in vars(base)]
    params = [each for signature in signatures for each in signature.parameters.values()]
    return {each.name for each in params if each.kind is each.KEYWORD_ONLY}


def pushed_keys(operator: type[Any]) -> set[str]:
    """
    XCom keys that stand as texts in an operator's module.
    """
    nodes = ast.walk(ast.parse(Path(inspect.getfile(operator)).read_text(encoding="utf-8")))
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "xcom_push"]
    keys = [word.value for call in calls for word in call.keywords if word.arg == "key"]
    return {key.value for key in keys if isinstance(key, ast.Constant)} - {"return_value"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_is_as_the_code_is_now(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- generated: ") == text.count("<!-- end -->") > 0
    assert reference.filled(text) == text, "`make reference` writes the pages anew"


def test_each_block_is_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in reference.BLOCKS if f"<!-- generated: {name} -->" not in text] == []


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_each_parameter_is_described(operator: type[Any]) -> None:
    described = [each.arg_name for each in reference.read_docs(operator).params]
    assert len(described) == len(set(described))
    # In an IDE, "kwargs" leads to the common parameters.
    assert set(described) - {"kwargs"} <= own_parameters(operator)
    assert "kwargs" in described
    inherited = {each.arg_name for each in reference.list_params(operator)}
    # An operator that sends nothing to a model doesn't use these two.
    unused = set() if operator.prompt_fields else {"extra_body", "render_prompts"}
    assert inherited == own_parameters(operator) - unused


def rows_of_pages() -> list[tuple[str, str, str]]:
    """
    The rows of tables of parameters on other pages: page, names, default.
    """
    documented = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        for table in page.read_text(encoding="utf-8").split("| parameter | default | meaning |\n|---|---|---|\n")[1:]:
            rows = [line.split("|") for line in table.split("\n\n")[0].splitlines()]
            documented += [(page.stem, row[1].strip(), row[2].strip()) for row in rows]
    return documented


#: Whose parameters a page is about.
OF_PAGES = {
    "batch": operators.OVHCloudAIEndpointsBatchOperator,
    "bulk": operators.OVHCloudAIEndpointsBulkChatOperator,
    "corpus": operators.OVHCloudAIEndpointsEmbeddingOperator,
    "guard": operators.OVHCloudAIEndpointsGuardOperator,
    "image-generation": operators.OVHCloudAIEndpointsImageOperator,
    "transcription": operators.OVHCloudAIEndpointsTranscriptionOperator,
}


def test_tables_of_parameters_are_found() -> None:
    assert {page for page, _, _ in rows_of_pages()} == set(OF_PAGES)


@pytest.mark.parametrize(("page", "names", "default"), rows_of_pages())
def test_a_page_says_the_same(page: str, names: str, default: str) -> None:
    params = reference.read_defaults(OF_PAGES[page])
    param_names = re.findall(r"`(\w+)`", names)
    assert set(param_names) <= own_parameters(OF_PAGES[page])
    defaults = re.findall(r"`([^`]+)`", default)
    for name, value in zip(
        param_names, defaults * (len(param_names) if len(defaults) == 1 else 1), strict=bool(defaults)
    ):
        with suppress(ValueError, SyntaxError):  # words, such as an option of Airflow's
            assert ast.literal_eval(value) == params[name].default


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_each_xcom_is_described(operator: type[Any]) -> None:
    missing = [key for key in pushed_keys(operator) if f"``{key}``" not in (operator.__doc__ or "")]
    assert missing == []
