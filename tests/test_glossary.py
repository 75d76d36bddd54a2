"""
Names and docstrings use the words of the glossary in CONTRIBUTING.md. ``glossary.toml`` lists the other words.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import apache_airflow_provider_ovhcloud_ai
import pytest

PACKAGE = Path(apache_airflow_provider_ovhcloud_ai.__file__).parent
MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
ROOT = Path(__file__).parent.parent
FILES = sorted(
    str(path.relative_to(ROOT)) for folder in ("example_dags", "scripts") for path in ROOT.glob(f"{folder}/*.py")
)
TESTS = sorted(
    str(path.relative_to(ROOT)) for folder in ("tests", "benchmarks") for path in ROOT.glob(f"{folder}/**/*.py")
)
GLOSSARY = tomllib.loads((Path(__file__).parent / "glossary.toml").read_text(encoding="utf-8"))
DOCSTRINGS = {re.compile(pattern, re.IGNORECASE): better for pattern, better in GLOSSARY["docstrings"].items()}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def iter_names(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """
    Give each name that a module defines, its line, and whether it is a function's.
    """
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno, not isinstance(node, ast.ClassDef)
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno, False
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno, False


def find_better_name(name: str, *, is_function: bool) -> str | None:
    bare = name.strip("_")
    if bare.isupper():
        return GLOSSARY["constants"].get(bare)
    endings = GLOSSARY["function_endings"] if is_function else {}
    better = next((better for ending, better in endings.items() if bare.endswith(ending)), None)
    return better or GLOSSARY["names"].get(bare.lower())


def find_better_word(name: str) -> str | None:
    words = [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)]
    return next((GLOSSARY["words"][word] for word in words if word in GLOSSARY["words"]), None)


def list_names(source: str) -> list[str]:
    return [
        f"line {line}: {name}: use {better}"
        for name, line, is_function in iter_names(ast.parse(source))
        if (better := find_better_name(name, is_function=is_function))
    ]


def list_words(source: str) -> list[str]:
    return [
        f"line {line}: {name}: use {better}"
        for name, line, _ in iter_names(ast.parse(source))
        if (better := find_better_word(name))
    ]


def list_docstrings(source: str) -> list[str]:
    faults = []
    for node in ast.walk(ast.parse(source)):
        text = (ast.get_docstring(node) or "") if isinstance(node, DOCUMENTED) else ""
        prose = re.sub(r"``.*?``|:\w+:`.*?`", "", text, flags=re.DOTALL)
        where = getattr(node, "name", "module")
        faults += [
            f"{where}: {match.group()!r}: use {better}"
            for pattern, better in DOCSTRINGS.items()
            for match in pattern.finditer(prose)
        ]
    return faults


@pytest.mark.parametrize("module", MODULES)
def test_names_are_in_the_glossary(module: str) -> None:
    assert list_names((PACKAGE / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", FILES)
def test_names_of_examples_and_scripts_are_in_the_glossary(file: str) -> None:
    assert list_names((ROOT / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", TESTS)
def test_names_of_tests_and_benchmarks_are_in_the_glossary(file: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert list_names(source) + list_words(source) == []


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_are_in_the_glossary(module: str) -> None:
    assert list_docstrings((PACKAGE / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", [file for file in TESTS if file.startswith(("benchmarks/", "tests/support/"))])
def test_docstrings_of_benchmarks_and_test_support_are_in_the_glossary(file: str) -> None:
    assert list_docstrings((ROOT / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "def rows_of(): ...",
        "class Asked: ...",
        "told = 1",
        "def f(heard): ...",
        "MOST = 3",
        "_LONGEST = 3",
        "a.said = 1",
    ],
)
def test_a_banned_name_is_reported_with_a_better_one(source: str) -> None:
    (fault,) = list_names(source)
    assert re.search(r"line 1: \w+: use \w", fault)


def test_a_banned_word_in_a_name_is_reported_with_a_better_one() -> None:
    assert list_words("class TestWhatIsTold:\n    def test_nobody_waits(): ...\n") == [
        "line 1: TestWhatIsTold: use return, report, log, print",
        "line 2: test_nobody_waits: use user, caller, no one, or the thing itself",
    ]
    assert list_words("def test_a_retold_story(): ...") == []


def test_a_banned_word_is_reported_with_a_better_one() -> None:
    assert list_docstrings('def f():\n    """Tell ``told`` whoever asks."""\n') == [
        "f: 'Tell': use return, report, log, print, say (of a message)",
        "f: 'whoever': use user, caller, any, all",
    ]
