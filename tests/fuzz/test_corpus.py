"""
What the fuzzer found once is read again, without it: each input that led to a place of its own in the code.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai import client
from fuzz import targets
from fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("target", TARGETS)
def test_each_input_is_read(target: str) -> None:
    files = [path for path in INPUTS if path.parent.name == target]
    assert len(files) > 20
    for path in files:
        try:
            TARGETS[target](path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name}: {path.read_bytes()!r}") from error


def test_the_corpus_is_small() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
    assert len(INPUTS) < 400
    assert sum(path.stat().st_size for path in INPUTS) < 200_000


def test_each_reader_of_a_response_is_fuzzed() -> None:
    source = Path(targets.__file__).read_text(encoding="utf-8")
    readers = set()
    for path in Path(client.__file__ or "").parent.rglob("*.py"):
        functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if type(node) is ast.FunctionDef]
        if path.parent.name != "http":  # which reads all responses
            readers |= {
                f"{path.stem}.{each.name}("
                for each in functions
                if each.name[0] != "_" and "HTTPResponse" in ast.unparse(each.args)
            }
    assert len(readers) > 5
    assert {reader for reader in readers if reader not in source} == set()
